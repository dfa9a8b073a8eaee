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
 * A branch should contain its sinks, because a sink outside isn't restarted.
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
#include <gst/gst.h>

#include "camerafault.h"
#include "camerawait.h"
#include "fogfield.h"

GST_DEBUG_CATEGORY_STATIC (camera_branch_debug);
#define GST_CAT_DEFAULT camera_branch_debug

/* number of failures in a row after which a branch counts as failed for good */
#define FAILURES 5
/* time (us) after a start from which the branch counts as working, although it failed before */
#define WORKING_TIME (5 * G_USEC_PER_SEC)
#define DEFAULT_LONGEST_WAIT (30 * GST_SECOND)
#define DEFAULT_STEADY_TIME (60 * GST_SECOND)
#define LONGEST (24 * 3600 * GST_SECOND)

enum { PROP_LONGEST_WAIT = 1, PROP_STEADY_TIME, PROP_STATS };

typedef enum {
  UP,       /* the elements follow the state of the bin */
  STARTING, /* the control thread starts the elements */
  DOWN,     /* the elements are in the state NULL */
} Phase;

#define GST_TYPE_CAMERA_BRANCH (gst_camera_branch_get_type ())
G_DECLARE_FINAL_TYPE (GstCameraBranch, gst_camera_branch, GST, CAMERA_BRANCH, GstBin)

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
  gboolean ending;                   /* EOS was requested */
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

/* --- the elements of the branch --- */

typedef gboolean (*ElementFunc) (GstCameraBranch *self, GstElement *element);

/* Calls @func for each element, those farther downstream first, until it returns FALSE. */
static gboolean
for_each (GstCameraBranch *self, ElementFunc func)
{
  GstIterator *elements = gst_bin_iterate_sorted (GST_BIN (self));
  GValue item = G_VALUE_INIT;
  gboolean good = TRUE;

  while (good && gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    good = func (self, g_value_get_object (&item));
    g_value_reset (&item);
  }
  g_value_unset (&item);
  gst_iterator_free (elements);
  return good;
}

/* The state is locked, so that state changes of the bin don't start the element. */
static gboolean
stop_element (GstCameraBranch *self, GstElement *element)
{
  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  return TRUE;
}

static gboolean
release_element (GstCameraBranch *self, GstElement *element)
{
  gst_element_set_locked_state (element, FALSE);
  return TRUE;
}

static gboolean
ready_element (GstCameraBranch *self, GstElement *element)
{
  return gst_element_set_state (element, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE;
}

static gboolean
pause_element (GstCameraBranch *self, GstElement *element)
{
  return gst_element_set_state (element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE;
}

static gboolean
play_element (GstCameraBranch *self, GstElement *element)
{
  gst_element_set_base_time (element, gst_element_get_base_time (GST_ELEMENT (self)));
  return gst_element_set_state (element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
}

static gboolean
activate_pad (GstElement *element, GstPad *pad, gpointer data)
{
  return gst_pad_set_active (pad, TRUE);
}

/* Returns TRUE if the stream that comes from outside by @pad has ended. */
static gboolean
has_ended (GstElement *element, GstPad *pad, gpointer data)
{
  g_autoptr (GstProxyPad) inner = gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));

  return GST_PAD_IS_EOS (inner);
}

/* Pushes the pad's sticky events, which precede each event, to the element inside. */
static void
push_sticky_events (GstElement *element, gpointer pad)
{
  g_autoptr (GstProxyPad) inner = gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));
  GstStructure *empty = gst_structure_new_empty ("camerabranch");

  gst_pad_push_event (GST_PAD (inner), gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, empty));
}

/* Gives EOS again to an element that has forgotten it. Another thread does so, because the element
 * may block it. */
static gboolean
renew_eos (GstElement *element, GstPad *pad, gpointer data)
{
  if (has_ended (element, pad, data))
    gst_element_call_async (element, push_sticky_events, gst_object_ref (pad), gst_object_unref);
  return TRUE;
}

/* Links the pad inside the bin anew, so that sticky events reach the element again, which has
 * forgotten them. */
static gboolean
renew_link (GstElement *element, GstPad *pad, gpointer data)
{
  GstPad *target = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));

  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), NULL);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), target);
  gst_clear_object (&target);
  return TRUE;
}

/* Returns FALSE if an element doesn't start. */
static gboolean
start_elements (GstCameraBranch *self)
{
  if (!for_each (self, ready_element) || !for_each (self, pause_element))
    return FALSE;
  gst_element_foreach_sink_pad (GST_ELEMENT (self), renew_link, NULL);
  if (!for_each (self, play_element))
    return FALSE;
  for_each (self, release_element);
  return TRUE;
}

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

/* Returns TRUE while EOS only follows from a fault: a source that fails ends its stream. */
static gboolean
is_failing (GstCameraBranch *self)
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
      return is_failing (self);
    case GST_MESSAGE_ASYNC_START:
    case GST_MESSAGE_ASYNC_DONE:
      return restarted;
    default:
      return FALSE;
  }
}

/* Makes the bin no longer wait until the element has prerolled, because it failed before. */
static gboolean
settle_element (GstCameraBranch *self, GstElement *element)
{
  GstMessage *done = gst_message_new_async_done (GST_OBJECT (element), GST_CLOCK_TIME_NONE);

  GST_BIN_CLASS (parent_class)->handle_message (GST_BIN (self), done);
  return TRUE;
}

static void
stop_elements (GstCameraBranch *self)
{
  for_each (self, stop_element);
  for_each (self, settle_element);
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
  while (!self->stopping && !self->ending && !self->ended &&
         !(self->playing && g_get_monotonic_time () >= end))
    g_cond_wait_until (&self->cond, &self->lock, self->playing ? end : G_MAXINT64);
  self->wait = 0;
  again = !self->stopping && !self->ending && !self->ended;
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
  gboolean started = start_elements (self), up;

  g_mutex_lock (&self->lock);
  up = started && !self->ending;
  self->phase = up ? UP : DOWN;
  self->started = g_get_monotonic_time ();
  if (!started && !self->fault)
    self->fault = new_start_fault (self);
  g_mutex_unlock (&self->lock);
  GST_INFO_OBJECT (self, "started again: %d", up);
  /* elements that have started must not stay behind if the bin is stopped before the next start */
  if (!up)
    stop_elements (self);
  else
    gst_element_foreach_sink_pad (GST_ELEMENT (self), renew_eos, NULL);
}

static void
push_eos (GstElement *element, gpointer pad)
{
  gst_pad_push_event (pad, gst_event_new_eos ());
}

/* Ends a stream that leaves the branch, in another thread, because an element outside may block. */
static gboolean
end_stream (GstElement *element, GstPad *pad, gpointer data)
{
  gst_element_call_async (element, push_eos, gst_object_ref (pad), gst_object_unref);
  return TRUE;
}

/* Ends the branch if this was requested while the elements don't run. */
static void
end_if_requested (GstCameraBranch *self)
{
  gboolean ends;

  g_mutex_lock (&self->lock);
  ends = self->ending && !self->ended && self->phase == DOWN;
  self->ended |= ends;
  g_mutex_unlock (&self->lock);
  if (!ends)
    return;
  gst_element_foreach_src_pad (GST_ELEMENT (self), end_stream, NULL);
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
  over = self->ending || self->ended;
  wait = count_failure (self);
  text = describe_failure (error, wait, self->in_a_row, over);
  g_mutex_unlock (&self->lock);
  stop_elements (self);
  report_failure (self, error, text);
  if (!over)
    give_up_if_all_fail (self, error);
  if (wait_for_start (self, wait))
    start_again (self);
  end_if_requested (self);
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

/* Returns: (nullable) (transfer full): the fault; NULL if the thread has to stop, or if the branch
 * has run for the time after which this is reported */
static GstMessage *
wait_for_fault (GstCameraBranch *self)
{
  GstMessage *fault = NULL;

  g_mutex_lock (&self->lock);
  while (!self->fault && !self->stopping && g_get_monotonic_time () < find_return (self))
    g_cond_wait_until (&self->cond, &self->lock, find_return (self));
  if (!self->stopping && self->fault) {
    fault = g_steal_pointer (&self->fault);
    /* from now on, neither further errors nor the EOS that follows an error count */
    self->phase = DOWN;
  }
  g_mutex_unlock (&self->lock);
  return fault;
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

/* Starts the elements if they were down when the bin left PLAYING. */
static void
resume (GstCameraBranch *self)
{
  gboolean down;

  g_mutex_lock (&self->lock);
  down = self->phase == DOWN && !self->fault;
  g_mutex_unlock (&self->lock);
  if (down && wait_for_start (self, 0))
    start_again (self);
}

static gpointer
run (gpointer data)
{
  GstCameraBranch *self = data;

  resume (self);
  end_if_requested (self);
  while (!is_stopping (self)) {
    GstMessage *fault = wait_for_fault (self);

    if (fault)
      restart (self, fault);
    else if (!is_stopping (self))
      report_return (self);
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
  self->ending = self->ended = FALSE;
  self->phase = UP;
  self->started = g_get_monotonic_time ();
  self->failures = self->dropped = 0;
  self->in_a_row = 0;
  gst_clear_message (&self->fault);
  g_mutex_unlock (&self->lock);
  self->waits = (CameraWait){0};
  g_clear_error (&self->reported);
}

/* The next run starts all elements. */
static void
end_run (GstCameraBranch *self)
{
  for_each (self, release_element);
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
  stop_elements (self);
  g_mutex_lock (&self->lock);
  self->fault = fault;
  g_mutex_unlock (&self->lock);
  return TRUE;
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

static gboolean
gst_camera_branch_send_event (GstElement *element, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS || request_end (GST_CAMERA_BRANCH (element)))
    return GST_ELEMENT_CLASS (parent_class)->send_event (element, event);
  gst_event_unref (event);
  return TRUE;
}

/* Returns FALSE if the elements don't run, and counts @buffers as dropped. @failures: (out): the
 * failures before this moment */
static gboolean
admits (GstCameraBranch *self, guint buffers, guint64 *failures)
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

/* Returns the result of a push into the branch for the element outside, which must not stop because
 * the branch has. So @flow is a fault of the branch here, unless the branch has failed since the
 * push, before which it had @failures. */
static GstFlowReturn
take_flow (GstCameraBranch *self, GstFlowReturn flow, guint64 failures)
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

static GstFlowReturn
take_buffer (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (parent);
  guint64 failures;

  if (admits (self, 1, &failures))
    return take_flow (self, gst_proxy_pad_chain_default (pad, parent, buffer), failures);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static GstFlowReturn
take_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (parent);
  guint64 failures;

  if (admits (self, gst_buffer_list_length (list), &failures))
    return take_flow (self, gst_proxy_pad_chain_list_default (pad, parent, list), failures);
  gst_buffer_list_unref (list);
  return GST_FLOW_OK;
}

/* Returns TRUE if everything that the branch gets has ended. */
static gboolean
is_at_end (GstElement *branch)
{
  return !GST_OBJECT_FLAG_IS_SET (branch, GST_ELEMENT_FLAG_SOURCE) &&
         gst_element_foreach_sink_pad (branch, has_ended, NULL);
}

/* Returns TRUE even if the elements don't run, so that the pad stores sticky events for them. */
static gboolean
take_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (parent);
  gboolean eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
  guint64 failures;

  if (admits (self, 0, &failures) || GST_EVENT_IS_STICKY (event))
    gst_pad_event_default (pad, parent, event);
  else
    gst_event_unref (event);
  if (eos && is_at_end (GST_ELEMENT (self)))
    request_end (self);
  return TRUE;
}

/* Accepts all caps, because the sender would stop. If the elements refuse them, the branch
 * fails. */
static gboolean
take_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_ACCEPT_CAPS)
    return gst_pad_query_default (pad, parent, query);
  gst_query_set_accept_caps_result (query, TRUE);
  return TRUE;
}

/* Keeps elements outside from ending because a source in the branch has failed. */
static GstPadProbeReturn
keep_eos (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  return GST_EVENT_TYPE (event) == GST_EVENT_EOS && is_failing (data) ? GST_PAD_PROBE_DROP
                                                                      : GST_PAD_PROBE_OK;
}

static void
adopt_sink_pad (GstPad *pad)
{
  gst_pad_set_chain_function (pad, take_buffer);
  gst_pad_set_chain_list_function (pad, take_list);
  gst_pad_set_event_function (pad, take_event);
  gst_pad_set_query_function (pad, take_query);
}

/* The probe is on the inner pad, because the outer one would keep a dropped EOS. */
static void
adopt_src_pad (GstCameraBranch *self, GstPad *pad)
{
  g_autoptr (GstProxyPad) inner = gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));

  gst_pad_add_probe (GST_PAD (inner), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, keep_eos, self, NULL);
}

static void
gst_camera_branch_pad_added (GstElement *element, GstPad *pad)
{
  if (GST_IS_GHOST_PAD (pad) && GST_PAD_IS_SINK (pad))
    adopt_sink_pad (pad);
  else if (GST_IS_GHOST_PAD (pad))
    adopt_src_pad (GST_CAMERA_BRANCH (element), pad);
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
          "Longest time (ns) between a failure and the next start", 0, LONGEST,
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
          LONGEST, DEFAULT_STEADY_TIME, flags));
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
