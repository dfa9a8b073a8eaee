/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SILENCE 60 /* s */

/* Each connection comes from another address of loopback, so that neither ports nor the guesses
 * that the live page allows to one address run out. */
static int
connect_to (guint16 port)
{
  static guint32 count;
  const struct linger at_once = {1, 0};
  const struct timeval silence = {SILENCE, 0};
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  from.sin_addr.s_addr = htonl (0x7f010001 + count++ % 0xf00000);
  to.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  to.sin_port = htons (port);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
  setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  g_assert_no_errno (bind (fd, (struct sockaddr *) &from, sizeof from));
  g_assert_no_errno (connect (fd, (struct sockaddr *) &to, sizeof to));
  return fd;
}

/* Blocks the signals of libFuzzer's timer in this thread, because they would interrupt its system
 * calls. */
static void
block_timer (void)
{
  sigset_t timer;

  sigemptyset (&timer);
  sigaddset (&timer, SIGALRM);
  pthread_sigmask (SIG_BLOCK, &timer, NULL);
}

static gboolean
ends (const GString *reply, gssize got)
{
  if (got < 0)
    g_assert_cmpint (errno, ==, ECONNRESET);
  return got <= 0 || strstr (reply->str, "text/event-stream");
}

GString *
ask (guint16 port, const guint8 *data, gsize size)
{
  GString *reply = g_string_new (NULL);
  gchar part[4096];
  gssize got;
  int fd;

  block_timer ();
  fd = connect_to (port);
  /* The server may refuse the request before it has read all of it. */
  if (size > 0 && send (fd, data, size, MSG_NOSIGNAL) < 0)
    g_assert_true (errno == EPIPE || errno == ECONNRESET);
  shutdown (fd, SHUT_WR);
  do {
    got = recv (fd, part, sizeof part, 0);
    g_string_append_len (reply, part, MAX (got, 0));
  } while (!ends (reply, got));
  close (fd);
  return reply;
}
