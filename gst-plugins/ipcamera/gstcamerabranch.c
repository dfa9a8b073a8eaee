/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-camerabranch
 * @title: camerabranch
 * @short_description: restarts its part of a pipeline alone
 *
 * The elements of this bin are restarted alone when one of them fails, so that the error of one
 * camera's part of a pipeline doesn't end the parts of other cameras. After an error all elements
 * of the bin are stopped, and after a wait they are started again. The waits last 1 to 24 s, each
 * twice as long as the one before, plus a random part of up to a quarter. After
 * #GstCameraBranch:steady-time without a failure the waits are short again.
 *
 * Buffers that come from outside while the elements are stopped are dropped and counted. If the
 * elements refuse what comes from outside, the branch fails, and the sender isn't stopped.
 *
 * A branch whose source has ended isn't restarted. A branch without a source of its own ends when
 * all streams from outside have ended. If a branch fails while the pipeline ends, what the branch
 * hasn't sent is lost, the branch counts as ended, and other branches end properly.
 *
 * A branch should contain its sinks, because a sink outside isn't restarted. The pipeline doesn't
 * take the clock of an element in a branch.
 *
 * ## Messages
 *
 * A warning says why the branch failed, once for each reason, with the domain and the code of the
 * cause. Info messages say that the branch failed again for the same reason, and that it has run
 * for #GstCameraBranch:steady-time again (RESOURCE/READ).
 *
 * ## Errors
 *
 * An element that refuses a setting at the start (RESOURCE/SETTINGS) ends the pipeline, because
 * that setting is refused each time. If each branch of the pipeline that contains a sink, and
 * hasn't ended, has failed five times in a row, and hasn't run for 5 s since, the last one posts
 * the error RESOURCE/FAILED.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 -e 'camerabranch.(' ipcamerasrc uri=rtsp://127.0.0.1:8554/test ! jpegenc \
 *   ! kafkasink topic=camera camera=door ')' 'camerabranch.(' videotestsrc ! jpegenc \
 *   ! kafkasink topic=camera camera=hall ')'
 * ]|
 *
 * Since: 0.1
 */
#include "gstcamerabranch.h"

#include "cameraelements.h"
#include "camerafault.h"
#include "camerapads.h"
#include "camerawait.h"
#include "fogfield.h"
#include "gstcamerasettings.h"

GST_DEBUG_CATEGORY_STATIC (camera_branch_debug);
#define GST_CAT_DEFAULT camera_branch_debug

/* number of failures in a row after which a branch counts as failed for good */
#define FAILURES 5
/* time (us) after a start from which the branch counts as working, although it failed before */
#define WORKING_TIME (5 * G_USEC_PER_SEC)
#define DEFAULT_LONGEST_WAIT (30 * GST_SECOND)
#define DEFAULT_STEADY_TIME (60 * GST_SECOND)

enum { PROP_LONGEST_WAIT = 1, PROP_STEADY_TIME, PROP_STATS };

typedef enum {
  UP,       /* the elements follow the state of the bin */
  STARTING, /* the control thread starts the elements */
  DOWN,     /* the elements are in the state NULL */
} Phase;

/* Threads: the control thread stops and starts the elements; the elements' threads post messages;
 * threads from outside push into ghost pads; GStreamer's thread pool gives EOS to elements. */
struct _GstCameraBranch {
  GstBin parent;

  GMutex lock; /* guards the fields below */
  GCond cond;
  GThread *thread; /* (nullable): control thread, in PAUSED and PLAYING; used by state changes */
  guint64 longest_wait, steady_time; /* ns */
  gboolean in_run;                   /* the bin is in a state above NULL, or goes to one */
  gboolean stopping;                 /* the control thread has to return */
  gboolean playing;                  /* elements may be started: the bin is in PLAYING */
  gboolean ending;                   /* the application requested EOS */
  gboolean at_end;                   /* all streams that come from outside have ended */
  gboolean ended;                    /* the branch has posted EOS */
  Phase phase;
  GstMessage *fault; /* (nullable): the first error since the last start */
  guint in_a_row;    /* failures without #GstCameraBranch:steady-time between them */
  gint64 started;    /* monotonic time of the last start, us */
  guint64 failures, dropped;
  gdouble wait; /* s until the next start; 0: the branch doesn't wait */

  /* only the control thread uses the fields below while the bin is in PLAYING */
  CameraWait waits;
  GError *reported; /* (nullable): the fault in the latest warning */
};

static const FogField fields[] = {
    FOG_FIELD (PROP_LONGEST_WAIT, GstCameraBranch, longest_wait),
    FOG_FIELD (PROP_STEADY_TIME, GstCameraBranch, steady_time),
    {0},
};

#define gst_camera_branch_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE (GstCameraBranch, gst_camera_branch, GST_TYPE_BIN,
    GST_DEBUG_CATEGORY_INIT (camera_branch_debug, "camerabranch", 0, "camerabranch"))
GST_ELEMENT_REGISTER_DECLARE (camerabranch)
GST_ELEMENT_REGISTER_DEFINE (camerabranch, "camerabranch", GST_RANK_NONE, GST_TYPE_CAMERA_BRANCH)

/* --- messages of the elements --- */

/* Returns TRUE if the message was a fault of this run. */
static gboolean
take_fault (GstCameraBranch *self, GstMessage *message)
{
  gboolean taken;

  g_mutex_lock (&self->lock);
  taken = self->in_run;
  if (taken && !self->fault && self->phase != DOWN)
    self->fault = gst_message_ref (message);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return taken;
}

gboolean
gst_camera_branch_is_failing (GstCameraBranch *self)
{
  gboolean failing;

  g_mutex_lock (&self->lock);
  failing = self->fault || self->phase == DOWN;
  g_mutex_unlock (&self->lock);
  return failing;
}

/* Returns TRUE if the message isn't for the pipeline. A sink that prerolls again after a restart
 * would pause the pipeline. */
static gboolean
is_internal (GstCameraBranch *self, GstMessage *message)
{
  gboolean restarted;

  g_mutex_lock (&self->lock);
  restarted = self->failures > 0;
  g_mutex_unlock (&self->lock);
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_EOS:
      return gst_camera_branch_is_failing (self);
    case GST_MESSAGE_ASYNC_START:
    case GST_MESSAGE_ASYNC_DONE:
      return restarted;
    default:
      return FALSE;
  }
}

static void
gst_camera_branch_handle_message (GstBin *bin, GstMessage *message)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (bin);

  if ((GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR && take_fault (self, message)) ||
      is_internal (self, message)) {
    GST_DEBUG_OBJECT (self, "keeps %" GST_PTR_FORMAT, message);
    gst_message_unref (message);
    return;
  }
  GST_BIN_CLASS (parent_class)->handle_message (bin, message);
}

/* Notes that the branch has ended. */
static gboolean
gst_camera_branch_post_message (GstElement *element, GstMessage *message)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (element);

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) {
    g_mutex_lock (&self->lock);
    self->ended = TRUE;
    g_mutex_unlock (&self->lock);
  }
  return GST_ELEMENT_CLASS (parent_class)->post_message (element, message);
}

/* --- reports --- */

/* Returns: (transfer full): @fault's error, with the name of the element that failed in its text */
static GError *
explain (GstCameraBranch *self, GstMessage *fault)
{
  g_autofree gchar *debug = NULL, *why = NULL;
  GError *error;

  gst_message_parse_error (fault, &error, &debug);
  why = camera_fault_explain (error, debug);
  GST_INFO_OBJECT (self, "%s failed: %s (%s)", GST_MESSAGE_SRC_NAME (fault), error->message, debug);
  g_free (error->message);
  error->message = g_strdup_printf ("%s: %s", GST_MESSAGE_SRC_NAME (fault), why);
  return error;
}

/* Posts @text as a warning with the domain and the code of @error, or as an info message if the
 * latest warning had the same reason. */
static void
report_failure (GstCameraBranch *self, GError *error, const gchar *text)
{
  gboolean again = self->reported && g_str_equal (self->reported->message, error->message);
  GError *shown = g_error_new_literal (error->domain, error->code, text);

  GST_WARNING_OBJECT (self, "%s", text);
  /* the text is twice in an info message, because gst-launch-1.0 prints only the second one */
  gst_element_post_message (
      GST_ELEMENT (self), again ? gst_message_new_info (GST_OBJECT (self), shown, text)
                                : gst_message_new_warning (GST_OBJECT (self), shown, NULL));
  g_error_free (shown);
  g_clear_error (&self->reported);
  self->reported = g_error_copy (error);
}

static void
report_return (GstCameraBranch *self)
{
  g_autofree gchar *text = g_strdup_printf (
      "The branch has run for %.0f s again.", (gdouble) self->steady_time / GST_SECOND);

  g_mutex_lock (&self->lock);
  self->in_a_row = 0;
  g_mutex_unlock (&self->lock);
  GST_ELEMENT_INFO (self, RESOURCE, READ, ("%s", text), ("%s", text));
  g_clear_error (&self->reported);
}

/* --- all branches together --- */

typedef struct {
  guint branches, hopeless;
} Census;

/* with self->lock */
static gboolean
is_hopeless (GstCameraBranch *self)
{
  gint64 running = self->phase == UP ? g_get_monotonic_time () - self->started : 0;

  return self->in_a_row >= FAILURES && running < WORKING_TIME;
}

static void
count_branch (const GValue *item, gpointer data)
{
  GstElement *element = g_value_get_object (item);
  GstCameraBranch *self;
  Census *census = data;

  if (!GST_IS_CAMERA_BRANCH (element) || !GST_OBJECT_FLAG_IS_SET (element, GST_ELEMENT_FLAG_SINK))
    return;
  self = GST_CAMERA_BRANCH (element);
  g_mutex_lock (&self->lock);
  census->branches += !self->ended;
  census->hopeless += !self->ended && is_hopeless (self);
  g_mutex_unlock (&self->lock);
}

/* Returns: (transfer full): the outermost bin */
static GstObject *
get_pipeline (GstCameraBranch *self)
{
  GstObject *bin = gst_object_ref (self), *above;

  while ((above = gst_object_get_parent (bin))) {
    gst_object_unref (bin);
    bin = above;
  }
  return bin;
}

static Census
count_branches (GstCameraBranch *self)
{
  g_autoptr (GstObject) pipeline = get_pipeline (self);
  GstIterator *elements = gst_bin_iterate_recurse (GST_BIN (pipeline));
  Census census = {0, 0};

  while (gst_iterator_foreach (elements, count_branch, &census) == GST_ITERATOR_RESYNC) {
    census = (Census){0, 0};
    gst_iterator_resync (elements);
  }
  gst_iterator_free (elements);
  return census;
}

/* Ends the pipeline by an error if this branch was the last one with a sink that worked. */
static void
give_up_if_all_fail (GstCameraBranch *self, const GError *error)
{
  Census census = count_branches (self);

  if (!GST_OBJECT_FLAG_IS_SET (self, GST_ELEMENT_FLAG_SINK) || census.branches == 0 ||
      census.hopeless < census.branches)
    return;
  GST_ELEMENT_ERROR (self, RESOURCE, FAILED,
      ("All %u branches have failed %d times or more in a row, the last one because of %s",
          census.branches, FAILURES, error->message),
      (NULL));
}

/* --- the control thread --- */

/* With self->lock. Returns TRUE if the branch isn't to be started again. */
static gboolean
is_over (GstCameraBranch *self)
{
  return self->ending || self->at_end || self->ended;
}

/* With self->lock. Returns the wait before the next start, s. */
static gdouble
count_failure (GstCameraBranch *self)
{
  gint64 ran = g_get_monotonic_time () - self->started;
  gdouble wait;

  if (ran >= (gint64) GST_TIME_AS_USECONDS (self->steady_time)) {
    self->waits = (CameraWait){0};
    self->in_a_row = 0;
  }
  self->failures++;
  self->in_a_row++;
  wait = camera_wait_take (&self->waits, 0, FALSE, g_random_double ());
  return MIN (wait, (gdouble) self->longest_wait / GST_SECOND);
}

/* Waits before the next start. Returns FALSE if the branch isn't to be started any more. */
static gboolean
wait_for_start (GstCameraBranch *self, gdouble seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  gboolean again;

  g_mutex_lock (&self->lock);
  self->wait = seconds;
  while (!self->stopping && !is_over (self) && !(self->playing && g_get_monotonic_time () >= end))
    g_cond_wait_until (&self->cond, &self->lock, self->playing ? end : G_MAXINT64);
  self->wait = 0;
  again = !self->stopping && !is_over (self);
  if (again)
    self->phase = STARTING;
  g_mutex_unlock (&self->lock);
  return again;
}

/* Returns: (transfer full): the fault of an element that has posted no error */
static GstMessage *
new_start_fault (GstCameraBranch *self)
{
  g_autoptr (GError) error = g_error_new_literal (
      GST_CORE_ERROR, GST_CORE_ERROR_STATE_CHANGE, "An element doesn't start.");

  return gst_message_new_error (GST_OBJECT (self), error, NULL);
}

/* Starts the elements. They are stopped at once if the end was requested meanwhile. */
static void
start_again (GstCameraBranch *self)
{
  gboolean started = camera_elements_start (GST_BIN (self)), up;

  g_mutex_lock (&self->lock);
  up = started && !self->ending && !self->at_end;
  self->phase = up ? UP : DOWN;
  self->started = g_get_monotonic_time ();
  if (!started && !self->fault)
    self->fault = new_start_fault (self);
  g_mutex_unlock (&self->lock);
  GST_INFO_OBJECT (self, "started again: %d", up);
  /* elements that have started must not stay behind if the bin is stopped before the next start */
  if (!up)
    camera_elements_stop (GST_BIN (self));
  else
    camera_pads_renew_eos (GST_ELEMENT (self));
}

/* Pushes EOS if the present run of the branch has ended. This run may have begun after the one for
 * which EOS was requested. */
static void
push_eos (GstElement *element, gpointer pad)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (element);
  gboolean ended;

  g_mutex_lock (&self->lock);
  ended = self->in_run && self->ended;
  g_mutex_unlock (&self->lock);
  if (ended)
    gst_pad_push_event (pad, gst_event_new_eos ());
}

/* Ends a stream that leaves the branch, in another thread, because an element outside may block. */
static gboolean
end_stream (GstElement *element, GstPad *pad, gpointer data)
{
  gst_element_call_async (element, push_eos, gst_object_ref (pad), gst_object_unref);
  return TRUE;
}

/* Ends the branch if its elements don't run and aren't to be started again. A stream that leaves
 * the branch doesn't end with the branch's sinks, so each such stream is ended here; a pad that has
 * ended refuses another EOS. @again: post EOS again, because the bin above may have forgotten it */
static void
end_if_over (GstCameraBranch *self, gboolean again)
{
  gboolean ends, posts;

  g_mutex_lock (&self->lock);
  ends = is_over (self) && self->phase == DOWN;
  posts = ends && (again || !self->ended);
  self->ended |= ends;
  g_mutex_unlock (&self->lock);
  if (ends)
    gst_element_foreach_src_pad (GST_ELEMENT (self), end_stream, NULL);
  if (posts)
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_eos (GST_OBJECT (self)));
}

static gchar *
describe_failure (const GError *error, gdouble wait, guint attempt, gboolean over)
{
  if (over)
    return g_strdup_printf (
        "The branch failed while it ended, and what it hadn't sent is lost. %s", error->message);
  return g_strdup_printf ("The branch failed, and is started again in %.1f s (attempt %u). %s",
      wait, attempt, error->message);
}

/* @fault: (transfer full) */
static void
restart (GstCameraBranch *self, GstMessage *fault)
{
  g_autoptr (GError) error = explain (self, fault);
  g_autofree gchar *text = NULL;
  gboolean over;
  gdouble wait;

  gst_message_unref (fault);
  g_mutex_lock (&self->lock);
  over = is_over (self);
  wait = count_failure (self);
  text = describe_failure (error, wait, self->in_a_row, over);
  g_mutex_unlock (&self->lock);
  camera_elements_stop (GST_BIN (self));
  report_failure (self, error, text);
  if (!over)
    give_up_if_all_fail (self, error);
  if (wait_for_start (self, wait))
    start_again (self);
  end_if_over (self, FALSE);
}

/* With self->lock. Returns the monotonic time when the branch has run for long enough to report it,
 * us; G_MAXINT64: nothing is to be reported */
static gint64
find_return (GstCameraBranch *self)
{
  return self->reported && self->phase == UP
             ? self->started + (gint64) GST_TIME_AS_USECONDS (self->steady_time)
             : G_MAXINT64;
}

/* With self->lock. Returns TRUE if the elements are down, and may be started at once. */
static gboolean
is_startable (GstCameraBranch *self)
{
  return self->phase == DOWN && !self->fault && !is_over (self);
}

/* With self->lock. Returns TRUE if a stream began and ended while the elements were down. */
static gboolean
has_to_end (GstCameraBranch *self)
{
  return self->phase == DOWN && !self->fault && !self->ended && is_over (self);
}

/* Returns: (nullable) (transfer full): the fault; NULL if the thread has to stop, if the branch has
 * run for so long that its recovery is reported, or if a stream has begun after the end */
static GstMessage *
wait_for_fault (GstCameraBranch *self)
{
  GstMessage *fault = NULL;

  g_mutex_lock (&self->lock);
  while (!self->fault && !self->stopping && !is_startable (self) && !has_to_end (self) &&
         g_get_monotonic_time () < find_return (self))
    g_cond_wait_until (&self->cond, &self->lock, find_return (self));
  if (!self->stopping && self->fault) {
    fault = g_steal_pointer (&self->fault);
    /* from now on, neither further errors nor the EOS that follows an error count */
    self->phase = DOWN;
  }
  g_mutex_unlock (&self->lock);
  return fault;
}

/* Returns TRUE if the branch has run for long enough to report it. */
static gboolean
has_returned (GstCameraBranch *self)
{
  gboolean returned;

  g_mutex_lock (&self->lock);
  returned = !self->stopping && g_get_monotonic_time () >= find_return (self);
  g_mutex_unlock (&self->lock);
  return returned;
}

static gboolean
is_stopping (GstCameraBranch *self)
{
  gboolean stopping;

  g_mutex_lock (&self->lock);
  stopping = self->stopping;
  g_mutex_unlock (&self->lock);
  return stopping;
}

/* Starts the elements if they were down when the bin left PLAYING, or when a stream began after the
 * end. */
static void
resume (GstCameraBranch *self)
{
  gboolean startable;

  g_mutex_lock (&self->lock);
  startable = is_startable (self);
  g_mutex_unlock (&self->lock);
  if (startable && wait_for_start (self, 0))
    start_again (self);
}

/* A bin that pauses forgets which of its sinks have ended, so a branch that has ended posts EOS
 * again. */
static gpointer
run (gpointer data)
{
  GstCameraBranch *self = data;

  resume (self);
  end_if_over (self, TRUE);
  while (!is_stopping (self)) {
    GstMessage *fault = wait_for_fault (self);

    if (fault)
      restart (self, fault);
    else if (has_returned (self))
      report_return (self);
    else {
      resume (self);
      end_if_over (self, FALSE);
    }
  }
  return NULL;
}

/* --- states --- */

static void
start_thread (GstCameraBranch *self, gboolean playing)
{
  g_mutex_lock (&self->lock);
  self->stopping = FALSE;
  self->playing = playing;
  g_mutex_unlock (&self->lock);
  self->thread = g_thread_new ("camerabranch", run, self);
}

static void
stop_thread (GstCameraBranch *self)
{
  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  if (self->thread)
    g_thread_join (g_steal_pointer (&self->thread));
}

static void
begin_run (GstCameraBranch *self)
{
  g_mutex_lock (&self->lock);
  self->in_run = TRUE;
  self->phase = UP;
  self->started = g_get_monotonic_time ();
  self->failures = self->dropped = 0;
  self->in_a_row = 0;
  gst_clear_message (&self->fault);
  g_mutex_unlock (&self->lock);
  self->waits = (CameraWait){0};
  g_clear_error (&self->reported);
}

/* All streams begin anew, even if they ended before the bin went to READY. */
static void
begin_streams (GstCameraBranch *self)
{
  g_mutex_lock (&self->lock);
  self->ending = self->at_end = self->ended = FALSE;
  g_mutex_unlock (&self->lock);
}

/* The next run starts all elements. */
static void
end_run (GstCameraBranch *self)
{
  camera_elements_release (GST_BIN (self));
  g_mutex_lock (&self->lock);
  self->in_run = FALSE;
  self->phase = UP;
  g_mutex_unlock (&self->lock);
}

static gboolean
refuses_setting (GstMessage *fault)
{
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (fault, &error, NULL);
  return g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
}

/* Decides what follows from an element that doesn't start with the pipeline. Returns FALSE if the
 * pipeline must not start either: an element refuses a setting, which it will always refuse. */
static gboolean
take_failed_start (GstCameraBranch *self)
{
  GstMessage *fault;

  g_mutex_lock (&self->lock);
  fault = g_steal_pointer (&self->fault);
  self->phase = DOWN;
  g_mutex_unlock (&self->lock);
  if (!fault)
    fault = new_start_fault (self);
  if (refuses_setting (fault)) {
    GST_BIN_CLASS (parent_class)->handle_message (GST_BIN (self), fault);
    return FALSE;
  }
  camera_elements_stop (GST_BIN (self));
  g_mutex_lock (&self->lock);
  self->fault = fault;
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static gboolean
activate_pad (GstElement *element, GstPad *pad, gpointer data)
{
  return gst_pad_set_active (pad, TRUE);
}

static gboolean
goes_up (GstStateChange transition)
{
  return GST_STATE_TRANSITION_NEXT (transition) > GST_STATE_TRANSITION_CURRENT (transition);
}

/* The control thread stops before each change of the state, because only one thread at a time may
 * change the states of the elements. It runs in PAUSED too, since a sink may fail before it has
 * prerolled, and PLAYING would never be reached. */
static GstStateChangeReturn
gst_camera_branch_change_state (GstElement *element, GstStateChange transition)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (element);
  GstState next = GST_STATE_TRANSITION_NEXT (transition);
  GstStateChangeReturn ret;

  stop_thread (self);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY)
    begin_run (self);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    begin_streams (self);
  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (ret == GST_STATE_CHANGE_FAILURE && goes_up (transition) && take_failed_start (self)) {
    /* the parent class activates no sink pad if an element doesn't start */
    if (next >= GST_STATE_PAUSED)
      gst_element_foreach_sink_pad (element, activate_pad, NULL);
    ret = GST_STATE_CHANGE_SUCCESS;
  }
  if (ret != GST_STATE_CHANGE_FAILURE && next >= GST_STATE_PAUSED)
    start_thread (self, next == GST_STATE_PLAYING);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    end_run (self);
  return ret;
}

/* Gives the pipeline no clock, because the clock of an element would stand still while the branch
 * is down. */
static GstClock *
gst_camera_branch_provide_clock (GstElement *element)
{
  return NULL;
}

/* --- events, and buffers from outside --- */

/* The control thread ends the branch if its elements don't run. Returns TRUE if they run. */
static gboolean
request_end (GstCameraBranch *self)
{
  gboolean up;

  g_mutex_lock (&self->lock);
  self->ending = TRUE;
  up = self->phase == UP;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return up;
}

void
gst_camera_branch_note_end (GstCameraBranch *self, gboolean at_end)
{
  g_mutex_lock (&self->lock);
  if (self->at_end && !at_end)
    self->ended = FALSE;
  self->at_end = at_end;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

static gboolean
gst_camera_branch_send_event (GstElement *element, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS || request_end (GST_CAMERA_BRANCH (element)))
    return GST_ELEMENT_CLASS (parent_class)->send_event (element, event);
  gst_event_unref (event);
  return TRUE;
}

gboolean
gst_camera_branch_admits (GstCameraBranch *self, guint buffers, guint64 *failures)
{
  gboolean up;

  g_mutex_lock (&self->lock);
  up = self->phase == UP;
  if (!up)
    self->dropped += buffers;
  *failures = self->failures;
  g_mutex_unlock (&self->lock);
  return up;
}

/* Returns: (transfer full): the fault of elements that have returned @flow to an element outside */
static GstMessage *
new_flow_fault (GstCameraBranch *self, GstFlowReturn flow)
{
  g_autoptr (GError) error = g_error_new (GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
      "The elements refuse what comes from outside: %s.", gst_flow_get_name (flow));

  return gst_message_new_error (GST_OBJECT (self), error, NULL);
}

GstFlowReturn
gst_camera_branch_take_flow (GstCameraBranch *self, GstFlowReturn flow, guint64 failures)
{
  if (flow >= GST_FLOW_OK || flow == GST_FLOW_EOS)
    return flow;
  g_mutex_lock (&self->lock);
  if (flow != GST_FLOW_FLUSHING && self->phase == UP && !self->fault && self->failures == failures)
    self->fault = new_flow_fault (self, flow);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return GST_FLOW_OK;
}

static void
gst_camera_branch_pad_added (GstElement *element, GstPad *pad)
{
  camera_pads_adopt (GST_CAMERA_BRANCH (element), pad);
  if (GST_ELEMENT_CLASS (parent_class)->pad_added)
    GST_ELEMENT_CLASS (parent_class)->pad_added (element, pad);
}

/* --- properties --- */

static GstStructure *
make_stats (GstCameraBranch *self)
{
  GstStructure *stats;

  g_mutex_lock (&self->lock);
  stats = gst_structure_new ("camerabranch", "running", G_TYPE_BOOLEAN, self->phase == UP,
      "failures", G_TYPE_UINT64, self->failures, "in-a-row", G_TYPE_UINT, self->in_a_row, "wait",
      G_TYPE_DOUBLE, self->wait, "dropped", G_TYPE_UINT64, self->dropped, NULL);
  g_mutex_unlock (&self->lock);
  return stats;
}

static void
gst_camera_branch_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (object);
  gboolean known;

  g_mutex_lock (&self->lock);
  known = fog_field_set (fields, self, id, value);
  g_mutex_unlock (&self->lock);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_camera_branch_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (object);
  gboolean known;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  g_mutex_lock (&self->lock);
  known = fog_field_get (fields, self, id, value);
  g_mutex_unlock (&self->lock);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_camera_branch_finalize (GObject *object)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (object);

  gst_clear_message (&self->fault);
  g_clear_error (&self->reported);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
install_times (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  /**
   * GstCameraBranch:longest-wait:
   *
   * The longest time (ns) between a failure and the next start.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LONGEST_WAIT,
      g_param_spec_uint64 ("longest-wait", "Longest wait",
          "Longest time (ns) between a failure and the next start", 0, GST_CAMERA_LONGEST_TIME,
          DEFAULT_LONGEST_WAIT, flags));
  /**
   * GstCameraBranch:steady-time:
   *
   * The time (ns) without a failure after which the branch counts as sound again: an info message
   * reports it, the next wait is short, and failures in a row are counted from 0.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_STEADY_TIME,
      g_param_spec_uint64 ("steady-time", "Steady time",
          "Time (ns) without a failure after which the branch counts as sound again", GST_SECOND,
          GST_CAMERA_LONGEST_TIME, DEFAULT_STEADY_TIME, flags));
}

static void
install_stats (GObjectClass *klass)
{
  /**
   * GstCameraBranch:stats:
   *
   * What happened in this run, as a structure `camerabranch`:
   *
   * | field | type | meaning |
   * | --- | --- | --- |
   * | running | boolean | the elements run; false from a failure to the next start |
   * | failures | uint64 | failures of the branch |
   * | in-a-row | uint | failures since the branch last ran for #GstCameraBranch:steady-time |
   * | wait | double | s from the latest failure to the next start; 0: no wait |
   * | dropped | uint64 | buffers from outside that were dropped because the elements didn't run |
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "What happened in this run", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_camera_branch_class_init (GstCameraBranchClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_camera_branch_set_property;
  object_class->get_property = gst_camera_branch_get_property;
  object_class->finalize = gst_camera_branch_finalize;
  element_class->change_state = gst_camera_branch_change_state;
  element_class->provide_clock = gst_camera_branch_provide_clock;
  element_class->send_event = gst_camera_branch_send_event;
  element_class->post_message = gst_camera_branch_post_message;
  element_class->pad_added = gst_camera_branch_pad_added;
  GST_BIN_CLASS (klass)->handle_message = gst_camera_branch_handle_message;
  install_times (object_class);
  install_stats (object_class);
  gst_element_class_set_static_metadata (element_class, "Camera branch", "Generic/Bin",
      "Restarts its part of a pipeline alone", "The gst-fog authors");
}

static void
gst_camera_branch_init (GstCameraBranch *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->longest_wait = DEFAULT_LONGEST_WAIT;
  self->steady_time = DEFAULT_STEADY_TIME;
}
