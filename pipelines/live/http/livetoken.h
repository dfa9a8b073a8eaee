/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Who gets access: clients with the token, or, if no token is set, clients on this machine's
 * loopback. */
typedef struct _LiveToken LiveToken;

/* Smallest length of a token in bytes, so that guessing is hopeless. */
#define LIVE_TOKEN_MIN 16

/* @secret: (nullable): the token; %NULL: no token is needed.
 * @error: G_IO_ERROR_INVALID_ARGUMENT: too short, or not printable ASCII */
LiveToken *live_token_new (const gchar *secret, GError **error);
void live_token_free (LiveToken *self);
gboolean live_token_is_needed (const LiveToken *self);

/* Returns whether @guess is the token. The call takes the same time for any @guess of the same
 * length. */
gboolean live_token_matches (const LiveToken *self, const gchar *guess);
/* Returns: (transfer none): the session, which a browser keeps in place of the token: valid for
 * this process only. */
const gchar *live_token_get_session (const LiveToken *self);

/**
 * live_token_allows:
 * @authorization: (nullable): the request's header of that name
 * @cookie: (nullable): the request's header of that name
 *
 * Returns: whether one of them shows the token or the session
 */
gboolean live_token_allows (const LiveToken *self, const gchar *authorization, const gchar *cookie);

/* Returns whether the header Host names this machine's loopback: a foreign page may let its own
 * name point here (DNS rebinding). */
gboolean live_host_is_loopback (const gchar *host);

G_END_DECLS
