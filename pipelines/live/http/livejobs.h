/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

#include "livereply.h"

G_BEGIN_DECLS

/* Computes slow answers on a few threads, never on the main one. Only a few answers are computed
 * at the same time. */
typedef struct _LiveJobs LiveJobs;

/* Called from one of the threads. */
typedef LiveReply (*LiveJobFunc) (gpointer data, const LiveRequest *request);
/* Called from the main thread, to send the result. */
typedef void (*LiveJobSend) (SoupServerMessage *message, LiveReply *reply);

/* @data: argument of every @func; @most: number of jobs that may wait */
LiveJobs *live_jobs_new (guint threads, guint most, LiveJobSend send, gpointer data);
/* Waits for the running jobs. */
void live_jobs_free (LiveJobs *self);
/* Returns FALSE if too many jobs wait. The function takes over the contents of @request in both
 * cases. */
gboolean live_jobs_push (
    LiveJobs *self, SoupServerMessage *message, LiveJobFunc func, LiveRequest *request);

G_END_DECLS
