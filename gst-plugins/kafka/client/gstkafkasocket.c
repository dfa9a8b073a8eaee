/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasocket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection that has sent nothing for this time (ms) counts as idle, so no records are lost when
 * it is closed. */
#define IDLE_MS 5000
/* Size of the kernel's longest name of a congestion control, with the final NUL
 * (TCP_CA_NAME_MAX) */
#define NAME_SIZE 16
#define OFFERED "/proc/sys/net/ipv4/tcp_available_congestion_control"

gboolean
gst_kafka_socket_set_congestion_control (gint fd, const gchar *name)
{
  return setsockopt (fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen (name)) == 0;
}

gchar *
gst_kafka_socket_dup_congestion_control (gint fd)
{
  gchar name[NAME_SIZE] = "";
  socklen_t size = sizeof name - 1;

  getsockopt (fd, IPPROTO_TCP, TCP_CONGESTION, name, &size);
  return g_strdup (name);
}

gint
gst_kafka_socket_open (gint domain, gint type, gint protocol, const gchar *congestion_control)
{
  gint fd = socket (domain, type | SOCK_CLOEXEC, protocol);

  if (fd < 0 || !congestion_control ||
      gst_kafka_socket_set_congestion_control (fd, congestion_control))
    return fd;
  close (fd);
  errno = ENOPROTOOPT;
  return -1;
}

gboolean
gst_kafka_socket_is_in_use (gint fd)
{
  struct tcp_info info;
  socklen_t size = sizeof info;

  return !getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &size) &&
         info.tcpi_last_data_sent < IDLE_MS;
}

static gint
ask_grant (gint option, gint bytes)
{
  gint fd = gst_kafka_socket_open (AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL);
  gint granted = 0;
  socklen_t size = sizeof granted;

  if (fd < 0)
    return bytes;
  setsockopt (fd, SOL_SOCKET, option, &bytes, sizeof bytes);
  if (getsockopt (fd, SOL_SOCKET, option, &granted, &size))
    granted = bytes;
  close (fd);
  /* Linux reports twice the size that it grants, to include its bookkeeping. */
  return granted / 2;
}

void
gst_kafka_socket_warn (GstElement *element, const gchar *property, gint option, gint bytes)
{
  gint granted = bytes ? ask_grant (option, bytes) : 0;

  if (granted >= bytes)
    return;
  GST_ELEMENT_WARNING (element, RESOURCE, SETTINGS,
      ("The kernel grants %d bytes of the %d that %s asks for. Raise net.core.%s (sysctl).",
          granted, bytes, property, option == SO_SNDBUF ? "wmem_max" : "rmem_max"),
      (NULL));
}

gboolean
gst_kafka_socket_check (const gchar *congestion_control, GError **error)
{
  gint fd = gst_kafka_socket_open (AF_INET, SOCK_STREAM, IPPROTO_TCP, congestion_control);
  g_autofree gchar *offered = NULL;

  if (fd >= 0) {
    close (fd);
    return TRUE;
  }
  if (!g_file_get_contents (OFFERED, &offered, NULL, NULL))
    offered = g_strdup ("see " OFFERED);
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "The kernel refuses congestion-control=\"%s\". It offers: %s. Other algorithms need a kernel "
      "module, or an entry in net.ipv4.tcp_allowed_congestion_control.",
      congestion_control, g_strstrip (offered));
  return FALSE;
}
