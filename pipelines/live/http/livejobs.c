/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livejobs.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>

#include "livesocket.h"

struct _LiveJobs {
  GThreadPool *pool;
  gboolean watch;
  GQueue all; /* queue of Job; used only by the main thread */
  guint most;
  LiveJobSend send;
  gpointer data;
};

typedef struct {
  LiveJobs *jobs;
  SoupServerMessage *message; /* used only by the main thread */
  gboolean gone;              /* flag: the viewer has left; used only by the main thread */
  /* id of the GSource that notices that the viewer leaves; 0: none; used only by the main thread */
  guint watch;
  LiveJobFunc func;
  LiveRequest request;
  LiveReply reply;
} Job;

/* --- viewers who leave --- */

static void
stop_watch (Job *job)
{
  if (job->watch)
    g_source_remove (job->watch);
  job->watch = 0;
}

/* Cancels the job if the viewer has closed the connection. libsoup doesn't notice this, because it
 * reads nothing while an answer is computed. If the viewer has sent data, the end of the connection
 * can't be seen behind the data, so the socket isn't watched any more. */
static gboolean
note_input (gint fd, GIOCondition condition, gpointer data)
{
  Job *job = data;
  gchar byte;
  gssize size = recv (fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

  if (size < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (size <= 0)
    g_cancellable_cancel (job->request.gone);
  job->watch = 0;
  return G_SOURCE_REMOVE;
}

static void
watch_viewer (Job *job)
{
  GSocket *socket = live_socket_get (job->message);

  if (socket)
    job->watch =
        g_unix_fd_add (g_socket_get_fd (socket), G_IO_IN | G_IO_HUP | G_IO_ERR, note_input, job);
}

static void
note_finished (SoupServerMessage *message, gpointer data)
{
  Job *job = data;

  job->gone = TRUE;
  stop_watch (job);
  g_cancellable_cancel (job->request.gone);
}

static void
job_free (Job *job)
{
  g_queue_remove (&job->jobs->all, job);
  stop_watch (job);
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

  if (!g_cancellable_is_cancelled (job->request.gone))
    job->reply = job->func (job->jobs->data, &job->request);
  else
    job->reply = live_reply_error (503, "The server ends.");
  g_idle_add_full (G_PRIORITY_DEFAULT, end_job, job, NULL);
}

LiveJobs *
live_jobs_new (guint threads, guint most, gboolean watch, LiveJobSend send, gpointer data)
{
  LiveJobs *self = g_new0 (LiveJobs, 1);

  self->pool = g_thread_pool_new (run, self, (gint) threads, FALSE, NULL);
  self->most = most;
  self->watch = watch;
  g_queue_init (&self->all);
  self->send = send;
  self->data = data;
  return self;
}

void
live_jobs_free (LiveJobs *self)
{
  for (GList *l = self->all.head; l; l = l->next)
    g_cancellable_cancel (((Job *) l->data)->request.gone);
  g_thread_pool_free (self->pool, FALSE, TRUE);
  /* Runs the sources of end_job() that are still pending, which free the jobs. */
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
  job->request.gone = g_cancellable_new ();
  g_queue_push_tail (&self->all, job);
  g_signal_connect (message, "finished", G_CALLBACK (note_finished), job);
  soup_server_message_pause (message);
  if (self->watch)
    watch_viewer (job);
  g_thread_pool_push (self->pool, job, NULL);
  return TRUE;
}
