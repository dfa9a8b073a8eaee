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

/**
 * live_jobs_new:
 * @most: number of jobs that may wait
 * @watch: cancel a job as soon as its viewer leaves. A viewer who closes its side of the connection
 *   once the request is sent counts as one who leaves.
 * @data: argument of every function
 */
LiveJobs *live_jobs_new (
    guint threads, guint most, gboolean watch, LiveJobSend send, gpointer data);
/* Cancels the jobs, and waits for those that run. */
void live_jobs_free (LiveJobs *self);
/* Returns FALSE if too many jobs wait. The function takes over the contents of @request in both
 * cases. */
gboolean live_jobs_push (
    LiveJobs *self, SoupServerMessage *message, LiveJobFunc func, LiveRequest *request);

G_END_DECLS
