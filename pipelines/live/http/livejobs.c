/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livejobs.h"

struct _LiveJobs {
  GThreadPool *pool;
  guint most;
  LiveJobSend send;
  gpointer data;
};

typedef struct {
  LiveJobs *jobs;
  SoupServerMessage *message; /* only the main thread uses it */
  gboolean gone;              /* the viewer has left; only the main thread uses it */
  LiveJobFunc func;
  LiveRequest request;
  LiveReply reply;
} Job;

static void
note_finished (SoupServerMessage *message, gpointer data)
{
  Job *job = data;

  job->gone = TRUE;
}

static void
job_free (Job *job)
{
  g_signal_handlers_disconnect_by_data (job->message, job);
  g_object_unref (job->message);
  live_request_clear (&job->request);
  live_reply_clear (&job->reply);
  g_free (job);
}

static gboolean
end_job (gpointer data)
{
  Job *job = data;

  if (!job->gone) {
    job->jobs->send (job->message, &job->reply);
    soup_server_message_unpause (job->message);
  }
  job_free (job);
  return G_SOURCE_REMOVE;
}

static void
run (gpointer data, gpointer user_data)
{
  Job *job = data;

  job->reply = job->func (job->jobs->data, &job->request);
  g_idle_add_full (G_PRIORITY_DEFAULT, end_job, job, NULL);
}

LiveJobs *
live_jobs_new (guint threads, guint most, LiveJobSend send, gpointer data)
{
  LiveJobs *self = g_new0 (LiveJobs, 1);

  self->pool = g_thread_pool_new (run, self, (gint) threads, FALSE, NULL);
  self->most = most;
  self->send = send;
  self->data = data;
  return self;
}

void
live_jobs_free (LiveJobs *self)
{
  g_thread_pool_free (self->pool, FALSE, TRUE);
  /* Answers that are still to be sent. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_free (self);
}

gboolean
live_jobs_push (LiveJobs *self, SoupServerMessage *message, LiveJobFunc func, LiveRequest *request)
{
  Job *job;

  if (g_thread_pool_unprocessed (self->pool) >= self->most) {
    live_request_clear (request);
    return FALSE;
  }
  job = g_new0 (Job, 1);
  job->jobs = self;
  job->message = g_object_ref (message);
  job->func = func;
  job->request = *request;
  *request = (LiveRequest){0};
  g_signal_connect (message, "finished", G_CALLBACK (note_finished), job);
  soup_server_message_pause (message);
  g_thread_pool_push (self->pool, job, NULL);
  return TRUE;
}
