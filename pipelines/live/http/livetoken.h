/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Who gets access: clients with the token, or, if no token is set, clients on this machine's
 * loopback. */
typedef struct _LiveToken LiveToken;

/* Bytes that a token has at least: guessing must be hopeless. */
#define LIVE_TOKEN_MIN 16

/* @secret: (nullable): none: no token is needed. @error: G_IO_ERROR_INVALID_ARGUMENT: too short, or
 * not printable ASCII */
LiveToken *live_token_new (const gchar *secret, GError **error);
void live_token_free (LiveToken *self);
gboolean live_token_is_needed (const LiveToken *self);

/* Whether @guess is the token. It takes as long for any @guess of the same length. */
gboolean live_token_matches (const LiveToken *self, const gchar *guess);
/* (transfer none): what a browser keeps in place of the token: valid for this process only. */
const gchar *live_token_get_session (const LiveToken *self);

/**
 * live_token_allows:
 * @authorization: (nullable): the request's header of that name
 * @cookie: (nullable): the request's header of that name
 *
 * Returns: whether one of them shows the token or the session
 */
gboolean live_token_allows (const LiveToken *self, const gchar *authorization, const gchar *cookie);

/* Whether the header Host names this machine's loopback: a foreign page may let its own name point
 * here (DNS rebinding). */
gboolean live_host_is_loopback (const gchar *host);

G_END_DECLS
