/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaconnections.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/gstkafkasocket.h"

#define TENDING_TIME (G_USEC_PER_SEC / 2)
/* Time (us) without progress after which a connection with unsent data no longer counts as
 * sending. */
#define SLOWEST_STEP (3 * G_USEC_PER_SEC)
/* Losses are counted over at least ENOUGH_PACKETS packets. ENOUGH_COUNTS counts in a row with a
 * share of losses above MANY_LOSSES mean that the link loses packets. A single count above
 * MANY_LOSSES may come from a queue that was full for a moment. */
#define ENOUGH_PACKETS 50
#define MANY_LOSSES 0.02
#define ENOUGH_COUNTS 3
/* The congestion control for a link that loses packets */
#define LOSS_TOLERANT "bbr"
/* linux/tcp.h doesn't define the states of a connection, and glibc's netinet/tcp.h can't be
 * included together with it. */
#define TCP_ESTABLISHED 1

typedef struct {
  gint fd;
  guint32 sent, resent; /* numbers of packets sent, and sent again, when losses were last counted */
  guint lossy;          /* number of counts in a row with too many losses */
  /* the connection's congestion control was set, or the kernel refused to set it */
  gboolean settled;
  gboolean seen;    /* the connection was open when the connections were marked */
  gboolean marked;  /* `received` is valid */
  guint64 received; /* number of bytes received before the latest mark */
  guint64 acked;    /* number of bytes that the other end had received at the last check */
  gint64 moved;     /* time when `acked` last grew, monotonic us */
} Connection;

struct _GstKafkaConnections {
  /* kafkasink's debug category, because only kafkasink changes the congestion control */
  GstDebugCategory *log;
  GMutex lock;
  GArray *open; /* of Connection */
  gchar *wanted;
  gint64 tended; /* monotonic us */
  gboolean refused;
  gboolean closing; /* TRUE while this program itself closes connections */
  /* number of connections in use that ended, but weren't closed by this program */
  guint ended;
};

GstKafkaConnections *
gst_kafka_connections_new (const gchar *wanted)
{
  GstKafkaConnections *self = g_new0 (GstKafkaConnections, 1);

  GST_DEBUG_CATEGORY_GET (self->log, "kafkasink");
  g_mutex_init (&self->lock);
  self->open = g_array_new (FALSE, FALSE, sizeof (Connection));
  self->wanted = g_strdup (wanted);
  return self;
}

void
gst_kafka_connections_free (GstKafkaConnections *self)
{
  g_mutex_clear (&self->lock);
  g_array_unref (self->open);
  g_free (self->wanted);
  g_free (self);
}

gint
gst_kafka_connections_open (GstKafkaConnections *self, gint domain, gint type, gint protocol)
{
  Connection connection = {gst_kafka_socket_open (domain, type, protocol, self->wanted)};

  if (connection.fd < 0)
    return -1;
  g_mutex_lock (&self->lock);
  g_array_append_val (self->open, connection);
  g_mutex_unlock (&self->lock);
  return connection.fd;
}

gint
gst_kafka_connections_close (GstKafkaConnections *self, gint fd)
{
  g_mutex_lock (&self->lock);
  if (!self->closing && gst_kafka_socket_is_in_use (fd))
    self->ended++;
  for (guint i = 0; i < self->open->len; i++)
    if (g_array_index (self->open, Connection, i).fd == fd) {
      g_array_remove_index_fast (self->open, i);
      break;
    }
  g_mutex_unlock (&self->lock);
  return close (fd);
}

void
gst_kafka_connections_set_closing (GstKafkaConnections *self, gboolean closing)
{
  g_mutex_lock (&self->lock);
  self->closing = closing;
  g_mutex_unlock (&self->lock);
}

guint
gst_kafka_connections_count_ended (GstKafkaConnections *self)
{
  guint ended;

  g_mutex_lock (&self->lock);
  ended = self->ended;
  g_mutex_unlock (&self->lock);
  return ended;
}

/* Returns FALSE if the connection isn't established. */
static gboolean
count_received (const Connection *connection, guint64 *received)
{
  struct tcp_info info = {0};
  socklen_t size = sizeof info;

  if (getsockopt (connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) ||
      info.tcpi_state != TCP_ESTABLISHED)
    return FALSE;
  *received = info.tcpi_bytes_received;
  return TRUE;
}

void
gst_kafka_connections_mark (GstKafkaConnections *self)
{
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->open->len; i++) {
    Connection *connection = &g_array_index (self->open, Connection, i);

    connection->marked = connection->seen && count_received (connection, &connection->received);
    connection->seen = TRUE;
  }
  g_mutex_unlock (&self->lock);
}

gboolean
gst_kafka_connections_have_received (GstKafkaConnections *self)
{
  gboolean some = FALSE;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->open->len; i++) {
    const Connection *connection = &g_array_index (self->open, Connection, i);
    guint64 received;

    /* What a new connection receives may come from a proxy, e.g. the answer to a TLS handshake, so
     * a connection counts only from its second mark on. */
    some |= connection->marked && count_received (connection, &received) &&
            received > connection->received;
  }
  g_mutex_unlock (&self->lock);
  return some;
}

/* With the lock. Returns TRUE if the connection has unsent data, and has sent some of its data
 * within SLOWEST_STEP. */
static gboolean
is_sending (Connection *connection, gint64 now)
{
  struct tcp_info info = {0};
  socklen_t size = sizeof info;
  gint left = 0;

  if (getsockopt (connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size))
    return FALSE;
  if (info.tcpi_bytes_acked > connection->acked)
    connection->moved = now;
  connection->acked = info.tcpi_bytes_acked;
  return !ioctl (connection->fd, SIOCOUTQ, &left) && left > 0 &&
         now - connection->moved < SLOWEST_STEP;
}

gboolean
gst_kafka_connections_are_sending (GstKafkaConnections *self)
{
  gint64 now = g_get_monotonic_time ();
  gboolean sending = FALSE;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->open->len; i++)
    sending |= is_sending (&g_array_index (self->open, Connection, i), now);
  g_mutex_unlock (&self->lock);
  return sending;
}

/* Returns which share of the packets since the last count were sent again, if the share was too
 * large several times in a row; otherwise 0. */
static gdouble
count_losses (Connection *connection, const struct tcp_info *info)
{
  guint32 sent = info->tcpi_segs_out - connection->sent;
  guint32 resent = info->tcpi_total_retrans - connection->resent;

  if (sent < ENOUGH_PACKETS)
    return 0;
  connection->sent = info->tcpi_segs_out;
  connection->resent = info->tcpi_total_retrans;
  connection->lossy = resent > sent * MANY_LOSSES ? connection->lossy + 1 : 0;
  return connection->lossy >= ENOUGH_COUNTS ? resent / (gdouble) sent : 0;
}

/* Called with the lock. Returns: (nullable): the congestion control that @connection should get;
 * NULL: no change. A route may change the congestion control while the connection is made, so no
 * congestion control is chosen before the connection is established. */
static const gchar *
choose (GstKafkaConnections *self, Connection *connection, gdouble *losses)
{
  struct tcp_info info = {0};
  socklen_t size = sizeof info;

  if (connection->settled || getsockopt (connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) ||
      info.tcpi_state != TCP_ESTABLISHED)
    return NULL;
  *losses = count_losses (connection, &info);
  if (self->wanted)
    return self->wanted;
  return *losses > 0 ? LOSS_TOLERANT : NULL;
}

/* Returns: (transfer full): why @connection should get another congestion control */
static gchar *
describe_reason (GstKafkaConnections *self, gdouble losses)
{
  return self->wanted ? g_strdup ("the property congestion-control asks for it")
                      : g_strdup_printf ("%.1f %% of packets are lost", 100 * losses);
}

/* With self->lock */
static void
change (GstKafkaConnections *self, Connection *connection, const gchar *name, gdouble losses,
    GstElement *element)
{
  g_autofree gchar *before = gst_kafka_socket_dup_congestion_control (connection->fd);
  g_autofree gchar *why = describe_reason (self, losses);

  connection->settled = TRUE;
  if (g_str_equal (before, name))
    return;
  if (gst_kafka_socket_set_congestion_control (connection->fd, name)) {
    GST_CAT_INFO_OBJECT (
        self->log, element, "congestion control %s in place of %s: %s", name, before, why);
    return;
  }
  if (!self->refused)
    GST_CAT_WARNING_OBJECT (self->log, element,
        "the kernel refuses congestion control %s in place of %s (%s), although %s: load the "
        "module tcp_%s, and name it in net.ipv4.tcp_allowed_congestion_control",
        name, before, g_strerror (errno), why, name);
  self->refused = TRUE;
}

void
gst_kafka_connections_tend (GstKafkaConnections *self, GstElement *element)
{
  gint64 now = g_get_monotonic_time ();

  if (now - self->tended < TENDING_TIME)
    return;
  self->tended = now;
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->open->len; i++) {
    Connection *connection = &g_array_index (self->open, Connection, i);
    gdouble losses = 0;
    const gchar *name = choose (self, connection, &losses);

    if (name)
      change (self, connection, name, losses, element);
  }
  g_mutex_unlock (&self->lock);
}
