/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forwards packets between two TAP devices, with the same delay in both directions: link TAP TAP
 * --delay=250 It runs until SIGTERM, then prints how many packets it carried, how many of them left
 * more than 1 ms after they were due, and the largest of these times. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_PACKET 2048
#define LATE_NS G_GINT64_CONSTANT (1000000)

static gdouble delay;
static volatile sig_atomic_t ended;

static const GOptionEntry entries[] = {
    {"delay", 0, 0, G_OPTION_ARG_DOUBLE, &delay, "One way (0)", "MS"},
    {NULL},
};

typedef struct {
  gint64 due;
  gsize size;
  guint8 data[MAX_PACKET];
} Packet;

typedef struct {
  gint from, to;
  GQueue travelling;
} Way;

static struct {
  guint64 packets, late;
  gint64 worst_ns;
} report;

static GQueue unused = G_QUEUE_INIT;

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

static Packet *
get_packet (void)
{
  Packet *packet = g_queue_pop_head (&unused);

  return packet ? packet : g_new (Packet, 1);
}

/* Reads all packets that wait, so that one wake-up handles many packets. */
static void
take_in (Way *way)
{
  for (;;) {
    Packet *packet = get_packet ();
    gssize size = read (way->from, packet->data, sizeof packet->data);

    if (size <= 0) {
      g_queue_push_head (&unused, packet);
      return;
    }
    packet->size = size;
    packet->due = now_ns () + (gint64) (delay * 1e6);
    g_queue_push_tail (&way->travelling, packet);
  }
}

static void
count (gint64 late_ns)
{
  report.packets++;
  if (late_ns > LATE_NS)
    report.late++;
  report.worst_ns = MAX (report.worst_ns, late_ns);
}

/* Returns when the next packet is due; G_MAXINT64 if there is none. */
static gint64
deliver (Way *way)
{
  gint64 now = now_ns ();
  Packet *packet;

  while ((packet = g_queue_peek_head (&way->travelling)) && packet->due <= now) {
    count (now - packet->due);
    if (write (way->to, packet->data, packet->size) < 0 && errno != EAGAIN && errno != EIO)
      g_printerr ("link: %s\n", g_strerror (errno));
    g_queue_push_head (&unused, g_queue_pop_head (&way->travelling));
  }
  return packet ? packet->due : G_MAXINT64;
}

static void
carry (Way *ways, const sigset_t *while_waiting)
{
  while (!ended) {
    gint64 due = MIN (deliver (&ways[0]), deliver (&ways[1]));
    gint64 left = due - now_ns ();
    gint64 wait = CLAMP (left, 0, G_GINT64_CONSTANT (1000000000));
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    struct pollfd fds[] = {{ways[0].from, POLLIN, 0}, {ways[1].from, POLLIN, 0}};

    if (ppoll (fds, G_N_ELEMENTS (fds), &timeout, while_waiting) < 0) {
      if (errno != EINTR)
        g_error ("link: %s", g_strerror (errno));
      continue; /* when poll() fails, it sets no events */
    }
    for (guint i = 0; i < G_N_ELEMENTS (fds); i++) {
      if (fds[i].revents & (POLLERR | POLLNVAL))
        return;
      if (fds[i].revents)
        take_in (&ways[i]);
    }
  }
}

static void
end (gint number)
{
  ended = 1;
}

/* SIGTERM is blocked except while the program waits for packets. */
static sigset_t
catch_end (void)
{
  struct sigaction action = {.sa_handler = end};
  sigset_t blocked, before;

  sigemptyset (&blocked);
  sigaddset (&blocked, SIGTERM);
  sigprocmask (SIG_BLOCK, &blocked, &before);
  sigaction (SIGTERM, &action, NULL);
  return before;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("TAP TAP");
  g_autoptr (GError) error = NULL;
  Way ways[2] = {0};
  sigset_t while_waiting = catch_end ();

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 3) {
    g_printerr ("link: %s\n", error ? error->message : "Name two TAP devices.");
    return 2;
  }
  ways[0].from = ways[1].to = open_tap (argv[1]);
  ways[0].to = ways[1].from = open_tap (argv[2]);
  g_print ("ready\n");
  carry (ways, &while_waiting);
  g_print ("{\"packets\": %" G_GUINT64_FORMAT ", \"late\": %" G_GUINT64_FORMAT
           ", \"worst_ms\": %.3f}\n",
      report.packets, report.late, report.worst_ns / 1e6);
  return 0;
}
