/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulates a cable between two TAP devices, with the same rate, delay and loss in both directions.
 * Packets wait for the line in a queue that drops new packets when it is full, like a switch. link
 * TAP TAP
 * --rate=100 --delay=250 --loss=5 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_PACKET 65536
/* Bytes of preamble, check sequence and gap, which Ethernet adds to each packet. */
#define LINE_OVERHEAD 24

static gdouble rate = 100, delay, loss;
static gint queue_ms = 120;

static const GOptionEntry entries[] = {
    {"rate", 0, 0, G_OPTION_ARG_DOUBLE, &rate, "Of the line (100)", "MBIT/S"},
    {"delay", 0, 0, G_OPTION_ARG_DOUBLE, &delay, "One way (0)", "MS"},
    {"loss", 0, 0, G_OPTION_ARG_DOUBLE, &loss, "Fraction of packets lost in each direction (0)",
        "PERCENT"},
    {"queue", 0, 0, G_OPTION_ARG_INT, &queue_ms, "Packets that may wait for the line (120)", "MS"},
    {NULL},
};

typedef struct {
  gint64 due;
  gsize size;
  guint8 data[];
} Packet;

typedef struct {
  gint from, to;
  gint64 free_at; /* time in ns, monotonic, at which the line is free again */
  GQueue travelling;
} Way;

static gint64
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

static gint
open_tap (const gchar *name)
{
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  gint fd = open ("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

  g_strlcpy (request.ifr_name, name, sizeof request.ifr_name);
  if (fd < 0 || ioctl (fd, TUNSETIFF, &request) < 0) {
    g_printerr ("link: could not open the TAP device %s: %s\n", name, g_strerror (errno));
    exit (1);
  }
  return fd;
}

static void
send_off (Way *way, gint64 now, const guint8 *data, gsize size)
{
  Packet *packet;

  if (way->free_at - now > queue_ms * G_GINT64_CONSTANT (1000000))
    return;
  way->free_at = MAX (way->free_at, now) + (gint64) ((size + LINE_OVERHEAD) * 8 * 1000 / rate);
  if (g_random_double () * 100 < loss)
    return;
  packet = g_malloc (sizeof *packet + size);
  packet->due = way->free_at + (gint64) (delay * 1e6);
  packet->size = size;
  memcpy (packet->data, data, size);
  g_queue_push_tail (&way->travelling, packet);
}

static void
take_in (Way *way)
{
  guint8 data[MAX_PACKET];
  gssize size;

  while ((size = read (way->from, data, sizeof data)) > 0)
    send_off (way, now_ns (), data, size);
}

/* Returns the time at which the next packet is due, or G_MAXINT64. */
static gint64
deliver (Way *way)
{
  gint64 now = now_ns ();
  Packet *packet;

  while ((packet = g_queue_peek_head (&way->travelling)) && packet->due <= now) {
    if (write (way->to, packet->data, packet->size) < 0 && errno != EAGAIN && errno != EIO)
      g_printerr ("link: %s\n", g_strerror (errno));
    g_free (g_queue_pop_head (&way->travelling));
  }
  return packet ? packet->due : G_MAXINT64;
}

static void
carry (Way *ways)
{
  for (;;) {
    gint64 due = MIN (deliver (&ways[0]), deliver (&ways[1]));
    gint64 left = due - now_ns ();
    gint64 wait = CLAMP (left, 0, G_GINT64_CONSTANT (1000000000));
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    struct pollfd fds[] = {{ways[0].from, POLLIN, 0}, {ways[1].from, POLLIN, 0}};

    if (ppoll (fds, G_N_ELEMENTS (fds), &timeout, NULL) < 0 && errno != EINTR)
      g_error ("link: %s", g_strerror (errno));
    for (guint i = 0; i < G_N_ELEMENTS (fds); i++) {
      if (fds[i].revents & (POLLERR | POLLNVAL))
        return;
      if (fds[i].revents)
        take_in (&ways[i]);
    }
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("TAP TAP");
  g_autoptr (GError) error = NULL;
  Way ways[2] = {0};

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 3) {
    g_printerr ("link: %s\n", error ? error->message : "Name two TAP devices.");
    return 2;
  }
  ways[0].from = ways[1].to = open_tap (argv[1]);
  ways[0].to = ways[1].from = open_tap (argv[2]);
  g_print ("ready\n");
  carry (ways);
  return 1;
}
