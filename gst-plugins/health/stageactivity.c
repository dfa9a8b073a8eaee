/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stageactivity.h"

#include <string.h>

#define MAX_DEPTH 64 /* largest number of nested pushes that are recorded */
/* number of frame periods for which a camera may give no frame, if that is longer than `stall` */
#define FRAME_PERIODS 3

/* The pushes of one streaming thread. */
typedef struct {
  GMutex lock;
  /* with the lock: */
  /* pads with a push that hasn't returned, the outermost first; a pad lives until its push
   * returns */
  GstPad *pads[MAX_DEPTH];
  guint depth; /* may exceed MAX_DEPTH */
  /* pad of the last outermost push; may be freed already, so this pointer is only compared */
  const GstPad *source;
  gint64 progress; /* monotonic time when the last push began or returned, us */
  guint64 buffers;
} Thread;

static GMutex threads_lock; /* guards the list of threads; taken before the lock of a thread */
static GPtrArray *threads;  /* with threads_lock: of Thread */
/* number of buffers pushed by threads that have ended, guarded by threads_lock */
static guint64 past_buffers;

static void
forget_thread (gpointer data)
{
  Thread *self = data;

  g_mutex_lock (&threads_lock);
  past_buffers += self->buffers;
  g_ptr_array_remove_fast (threads, self);
  g_mutex_unlock (&threads_lock);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static GPrivate this_thread = G_PRIVATE_INIT (forget_thread);

static Thread *
get_thread (void)
{
  Thread *self = g_private_get (&this_thread);

  if (G_LIKELY (self != NULL))
    return self;
  self = g_new0 (Thread, 1);
  g_mutex_init (&self->lock);
  g_mutex_lock (&threads_lock);
  if (threads == NULL)
    threads = g_ptr_array_new ();
  g_ptr_array_add (threads, self);
  g_mutex_unlock (&threads_lock);
  g_private_set (&this_thread, self);
  return self;
}

void
stage_activity_enter (GstPad *pad, gint64 now)
{
  Thread *self = get_thread ();

  g_mutex_lock (&self->lock);
  if (self->depth == 0) {
    self->source = pad;
    self->buffers++;
  }
  if (self->depth < MAX_DEPTH)
    self->pads[self->depth] = pad;
  self->depth++;
  self->progress = now;
  g_mutex_unlock (&self->lock);
}

void
stage_activity_leave (gint64 now)
{
  Thread *self = get_thread ();

  g_mutex_lock (&self->lock);
  if (self->depth > 0)
    self->depth--;
  self->progress = now;
  g_mutex_unlock (&self->lock);
}

guint64
stage_activity_get_buffers (void)
{
  guint64 buffers;

  g_mutex_lock (&threads_lock);
  buffers = past_buffers;
  for (guint i = 0; threads && i < threads->len; i++) {
    Thread *thread = g_ptr_array_index (threads, i);

    g_mutex_lock (&thread->lock);
    buffers += thread->buffers;
    g_mutex_unlock (&thread->lock);
  }
  g_mutex_unlock (&threads_lock);
  return buffers;
}

/* --- the verdict --- */

static gdouble
seconds_between (gint64 from, gint64 to)
{
  return (gdouble) (to - from) / G_USEC_PER_SEC;
}

static gboolean
has_class (GstElement *element, const gchar *klass)
{
  const gchar *own =
      gst_element_class_get_metadata (GST_ELEMENT_GET_CLASS (element), GST_ELEMENT_METADATA_KLASS);

  return own != NULL && strstr (own, klass) != NULL;
}

/* Called with the thread's lock. Returns: (transfer full) (nullable): the element into which the
 * thread's innermost push goes */
static GstElement *
holder (const Thread *thread)
{
  GstPad *pad = thread->pads[MIN (thread->depth, MAX_DEPTH) - 1];
  g_autoptr (GstPad) peer = gst_pad_get_peer (pad);

  return peer ? gst_pad_get_parent_element (peer) : NULL;
}

/* Replaces the verdict by @state if @state is worse, or is the same and has lasted longer.
 * @element: (transfer full) */
static void
aggravate (StageVerdict *verdict, StageState state, gdouble seconds, gchar *element)
{
  if (state < verdict->state || (state == verdict->state && seconds <= verdict->seconds)) {
    g_free (element);
    return;
  }
  g_free (verdict->element);
  *verdict = (StageVerdict){state, seconds, element};
}

static void
judge_push (StageVerdict *verdict, Thread *thread, const StageLimits *limits, gint64 now)
{
  gdouble seconds = seconds_between (thread->progress, now);
  g_autoptr (GstElement) element = NULL;
  gboolean server;

  if (thread->depth == 0)
    return;
  if (seconds < limits->stall) {
    aggravate (verdict, STAGE_WORKING, 0, NULL);
    return;
  }
  element = holder (thread);
  server = element && has_class (element, "Sink/Network") && seconds < limits->server;
  aggravate (verdict, server ? STAGE_WAITING : STAGE_STALLED, seconds,
      element ? gst_element_get_name (element) : NULL);
}

static gdouble
frame_period (GstPad *pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  gint n = 0, d = 1;

  if (caps == NULL ||
      !gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &n, &d))
    return 0;
  return n > 0 ? (gdouble) d / n : 0;
}

/* Returns the time when the last push of the camera began or returned. */
static gint64
last_frame (const GstPad *pad, gint64 playing, gint64 now)
{
  gint64 last = playing;

  for (guint i = 0; threads && i < threads->len; i++) {
    Thread *thread = g_ptr_array_index (threads, i);

    g_mutex_lock (&thread->lock);
    if (thread->source == pad)
      last = thread->depth > 0 ? now : MAX (last, thread->progress);
    g_mutex_unlock (&thread->lock);
  }
  return last;
}

static void
judge_camera (StageVerdict *verdict, GstElement *camera, gint64 playing, const StageLimits *limits,
    gint64 now)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (camera, "src");
  gdouble seconds;

  if (pad == NULL || GST_PAD_IS_EOS (pad))
    return;
  seconds = seconds_between (last_frame (pad, playing, now), now);
  if (seconds >= MAX (limits->stall, FRAME_PERIODS * frame_period (pad)))
    aggravate (verdict, STAGE_STALLED, seconds, gst_element_get_name (camera));
}

/* Judges a pipeline that doesn't play yet: it has stalled only if the start takes too long, because
 * pushes are blocked before the pipeline plays. */
static StageVerdict
judge_start (gdouble seconds, const StageLimits *limits)
{
  return (StageVerdict){
      seconds < limits->start ? STAGE_STARTING : STAGE_STALLED, seconds, g_strdup ("the start")};
}

/* If one thread waits for a server, the stage waits even if other threads seem to have stalled,
 * because these may wait for that thread. */
static StageVerdict
graver_of (StageVerdict pushes, StageVerdict waiting)
{
  if (pushes.state != STAGE_STALLED || waiting.state != STAGE_WAITING) {
    stage_verdict_clear (&waiting);
    return pushes;
  }
  stage_verdict_clear (&pushes);
  return waiting;
}

StageVerdict
stage_activity_judge (
    GList *cameras, gboolean playing, gint64 since, const StageLimits *limits, gint64 now)
{
  StageVerdict verdict = {STAGE_IDLE, 0, NULL}, waiting = {STAGE_STARTING, 0, NULL};

  if (!playing)
    return judge_start (seconds_between (since, now), limits);
  g_mutex_lock (&threads_lock);
  for (guint i = 0; threads && i < threads->len; i++) {
    Thread *thread = g_ptr_array_index (threads, i);
    StageVerdict one = {STAGE_STARTING, 0, NULL};

    g_mutex_lock (&thread->lock);
    judge_push (&one, thread, limits, now);
    g_mutex_unlock (&thread->lock);
    if (one.state == STAGE_WAITING)
      aggravate (&waiting, one.state, one.seconds, g_strdup (one.element));
    aggravate (&verdict, one.state, one.seconds, one.element);
  }
  verdict = graver_of (verdict, waiting);
  for (GList *camera = cameras; camera; camera = camera->next)
    judge_camera (&verdict, camera->data, since, limits, now);
  g_mutex_unlock (&threads_lock);
  return verdict;
}

void
stage_verdict_clear (StageVerdict *verdict)
{
  g_clear_pointer (&verdict->element, g_free);
}

const gchar *
stage_state_name (StageState state)
{
  static const gchar *const names[] = {"starting", "idle", "working", "waiting", "stalled"};

  return names[state];
}
