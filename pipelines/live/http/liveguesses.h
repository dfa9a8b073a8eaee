/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Counts the wrong tokens from each address, so that a client that guesses tokens is locked out,
 * but clients at other addresses aren't. */
typedef struct _LiveGuesses LiveGuesses;

LiveGuesses *live_guesses_new (void);
void live_guesses_free (LiveGuesses *self);
/* Returns TRUE if @address hasn't sent too many wrong tokens, so that its next token may be
 * compared. @now: us, monotonic */
gboolean live_guesses_allow (LiveGuesses *self, GInetAddress *address, gint64 now);
void live_guesses_count (LiveGuesses *self, GInetAddress *address, gint64 now);

G_END_DECLS
