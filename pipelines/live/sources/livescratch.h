/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A temporary directory of this process. The process holds a lock on the directory, which the
 * kernel releases when the process ends, even if it is killed. */
typedef struct {
  gchar *path;
  gint lock; /* file descriptor of the directory */
} LiveScratch;

gboolean live_scratch_make (LiveScratch *self, GError **error);
/* Removes the directory with the files in it. */
void live_scratch_remove (LiveScratch *self);
/* Removes the directories of processes that were killed. */
void live_scratch_remove_stale (void);

G_END_DECLS
