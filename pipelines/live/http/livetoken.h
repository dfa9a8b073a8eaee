/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Decides which clients get access: clients with the token, or, if no token is set, clients on this
 * machine's loopback. */
typedef struct _LiveToken LiveToken;

/* Smallest length of a token in bytes: a token of this length can't be guessed. */
#define LIVE_TOKEN_MIN 16

/* @secret: (nullable): the token; %NULL: no token is needed. @error: G_IO_ERROR_INVALID_ARGUMENT:
 * @secret is too short, or isn't printable ASCII */
LiveToken *live_token_new (const gchar *secret, GError **error);
void live_token_free (LiveToken *self);
gboolean live_token_is_needed (const LiveToken *self);

/* Returns whether @guess is the token. The call takes the same time for any @guess of the same
 * length. */
gboolean live_token_matches (const LiveToken *self, const gchar *guess);
/* Returns: (transfer none): the session id, which a browser keeps in a cookie in place of the
 * token, and which is valid only until this process ends. */
const gchar *live_token_get_session (const LiveToken *self);

/**
 * live_token_allows:
 * @authorization: (nullable): the value of the request's header Authorization
 * @cookie: (nullable): the value of the request's header Cookie
 *
 * Returns: whether one of the two headers has the token or the session id
 */
gboolean live_token_allows (const LiveToken *self, const gchar *authorization, const gchar *cookie);

/* Returns whether the header Host names this machine's loopback: another site may let its own host
 * name point to this machine (DNS rebinding). */
gboolean live_host_is_loopback (const gchar *host);

G_END_DECLS
