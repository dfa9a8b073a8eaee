/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How many wrong tokens came from each address: whoever guesses keeps nobody else out. */
typedef struct _LiveGuesses LiveGuesses;

LiveGuesses *live_guesses_new (void);
void live_guesses_free (LiveGuesses *self);
/* Whether another token from @address is looked at. @now: us, monotonic */
gboolean live_guesses_allow (LiveGuesses *self, GInetAddress *address, gint64 now);
void live_guesses_count (LiveGuesses *self, GInetAddress *address, gint64 now);

G_END_DECLS
