/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what a browser sends to the live page, and the events that the page reads; the first byte
 * of the input chooses the parser. Requests are left out, because libsoup parses them. */
#include <string.h>

#include "fuzz.h"
#include "http/livereply.h"
#include "http/livetoken.h"
#include "model/liveanswer.h"

static void
read_form (const gchar *text)
{
  gint64 number = 5;

  g_free (live_form_get (text, "camera"));
  if (live_form_get_int (text, "n", 1, 9, &number))
    g_assert_true (number >= 1 && number <= 9);
}

static void
read_authorization (const gchar *text)
{
  static LiveToken *token;

  if (!token)
    token = live_token_new ("0123456789abcdef-token", NULL);
  g_assert_true (
      !live_token_allows (token, NULL, text) || g_strrstr (text, live_token_get_session (token)));
  live_token_allows (token, text, NULL);
}

static void
read_host (const gchar *text)
{
  live_host_is_loopback (text);
}

static void
read_event (const gchar *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LiveAnswer) answer = live_answer_parse (text, strlen (text), &error);

  g_assert_true ((answer != NULL) != (error != NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static void (*const readers[]) (const gchar *) = {
      read_form, read_authorization, read_host, read_event};
  g_autofree gchar *text = NULL;

  if (size == 0)
    return 0;
  text = g_strndup ((const gchar *) data + 1, size - 1);
  readers[data[0] % G_N_ELEMENTS (readers)](text);
  return 0;
}
