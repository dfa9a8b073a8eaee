/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livetoken.h"

#include <string.h>

#define COOKIE "fog-live="

struct _LiveToken {
  guint8 digest[32]; /* digest of the token */
  gboolean needed;
  gchar *session;
};

/* Tokens are compared by their digests, which all have the same length, so that the time of a
 * comparison shows nothing about the token. */
static void
digest_text (const gchar *text, guint8 digest[32])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = 32;

  g_checksum_update (checksum, (const guchar *) text, (gssize) strlen (text));
  g_checksum_get_digest (checksum, digest, &size);
}

static gboolean
digests_equal (const guint8 *a, const guint8 *b)
{
  volatile guint8 difference = 0;

  for (guint i = 0; i < 32; i++)
    difference |= a[i] ^ b[i];
  return difference == 0;
}

static gchar *
make_session (const gchar *secret)
{
  g_autofree gchar *key = g_uuid_string_random ();

  return g_compute_hmac_for_string (
      G_CHECKSUM_SHA256, (const guchar *) key, strlen (key), secret, -1);
}

static gboolean
is_plain (const gchar *secret)
{
  for (; *secret; secret++)
    if (!g_ascii_isgraph (*secret))
      return FALSE;
  return TRUE;
}

LiveToken *
live_token_new (const gchar *secret, GError **error)
{
  LiveToken *self;

  if (secret && (strlen (secret) < LIVE_TOKEN_MIN || !is_plain (secret))) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "The token needs %d printable characters or more, and no space.", LIVE_TOKEN_MIN);
    return NULL;
  }
  self = g_new0 (LiveToken, 1);
  self->needed = secret != NULL;
  if (secret) {
    digest_text (secret, self->digest);
    self->session = make_session (secret);
  }
  return self;
}

void
live_token_free (LiveToken *self)
{
  g_free (self->session);
  g_free (self);
}

gboolean
live_token_is_needed (const LiveToken *self)
{
  return self->needed;
}

gboolean
live_token_matches (const LiveToken *self, const gchar *guess)
{
  guint8 digest[32];

  digest_text (guess, digest);
  return self->needed && digests_equal (digest, self->digest);
}

const gchar *
live_token_get_session (const LiveToken *self)
{
  return self->session;
}

static gboolean
session_matches (const LiveToken *self, const gchar *guess)
{
  guint8 theirs[32], ours[32];

  digest_text (guess, theirs);
  digest_text (self->session, ours);
  return digests_equal (theirs, ours);
}

static gboolean
cookie_matches (const LiveToken *self, const gchar *header)
{
  g_auto (GStrv) cookies = g_strsplit (header, ";", 64);
  gboolean matches = FALSE;

  for (guint i = 0; cookies[i]; i++) {
    const gchar *cookie = g_strstrip (cookies[i]);

    if (g_str_has_prefix (cookie, COOKIE))
      matches |= session_matches (self, cookie + strlen (COOKIE));
  }
  return matches;
}

gboolean
live_token_allows (const LiveToken *self, const gchar *authorization, const gchar *cookie)
{
  const gchar *bearer = "Bearer ";

  if (!self->needed)
    return TRUE;
  if (authorization && g_ascii_strncasecmp (authorization, bearer, strlen (bearer)) == 0 &&
      live_token_matches (self, authorization + strlen (bearer)))
    return TRUE;
  return cookie && cookie_matches (self, cookie);
}

gboolean
live_host_is_loopback (const gchar *host)
{
  g_autofree gchar *uri = host ? g_strdup_printf ("http://%s/", host) : NULL;
  g_autofree gchar *name = NULL;
  g_autoptr (GInetAddress) address = NULL;

  if (!uri || strpbrk (host, "/@?#") ||
      !g_uri_split_network (uri, G_URI_FLAGS_NONE, NULL, &name, NULL, NULL) || !name)
    return FALSE;
  if (g_ascii_strcasecmp (name, "localhost") == 0)
    return TRUE;
  address = g_inet_address_new_from_string (name);
  return address && g_inet_address_get_is_loopback (address);
}
