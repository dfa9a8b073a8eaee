/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

#include "livereply.h"

G_BEGIN_DECLS

/* Computes slow answers on a few threads of its own, and not on the main thread. */
typedef struct _LiveJobs LiveJobs;

/* Computes the answer to @request; called from one of the threads. */
typedef LiveReply (*LiveJobFunc) (gpointer data, const LiveRequest *request);
/* Sends the answer; called from the main thread. */
typedef void (*LiveJobSend) (SoupServerMessage *message, LiveReply *reply);

/**
 * live_jobs_new:
 * @most: the largest number of waiting jobs
 * @watch: whether a job is cancelled as soon as its viewer closes the connection, even if the
 *   viewer closes only its own side after sending the request
 * @data: argument of every LiveJobFunc
 */
LiveJobs *live_jobs_new (
    guint threads, guint most, gboolean watch, LiveJobSend send, gpointer data);
/* Cancels all jobs, and waits until the running ones have ended. */
void live_jobs_free (LiveJobs *self);
/* Adds a job. Returns FALSE if too many jobs wait. The contents of @request belong to the LiveJobs
 * afterwards, even if FALSE is returned. */
gboolean live_jobs_push (
    LiveJobs *self, SoupServerMessage *message, LiveJobFunc func, LiveRequest *request);

G_END_DECLS
