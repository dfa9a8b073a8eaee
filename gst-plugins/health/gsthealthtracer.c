/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:tracer-health
 * @title: health
 * @short_description: reports over HTTP whether the pipelines of a process make progress
 *
 * The environment variable GST_TRACERS adds probes and metrics to any GStreamer program:
 *
 * GST_TRACERS="health(port=8080)" gst-launch-1.0 kafkasrc topic=camera
 * group-id=viewer ! jpegdec ! fakesink
 *
 * | path | answer |
 * | --- | --- |
 * | /livez | 503 if the stage has stalled: a buffer got stuck in an element, a camera that isn't in
 *   a camerabranch gives no frames, the start takes too long; else 200. Waiting for data or a
 *   server isn't a stall |
 * | /readyz | 200 if the stage plays and waits for no server, else 503; also 503 if the pipeline
 *   has camerabranches with a sink and none of them runs. The answer names the branches that are
 *   down |
 * | /metrics | Prometheus text: each number in the `stats` of each element, and the state of the
 * stage |
 *
 * Settings, separated by commas: `port` (default 8080; 0: any free one), and three times in
 * seconds: `stall` (default 8) is the time without progress that counts as a stall, `start`
 * (default 60) the time that the pipeline may take to play, `server` (default 180) the time
 * that a sink may wait for its server. `server` should be longer than the sink's own
 * timeouts, which end in an error.
 *
 * Since: 0.1
 */
#include "gsthealthtracer.h"

#include "elementmetrics.h"
#include "processmetrics.h"
#include "stageactivity.h"
#include "statusserver.h"

GST_DEBUG_CATEGORY_STATIC (health_debug);
#define GST_CAT_DEFAULT health_debug

#define DEFAULT_PORT 8080
#define MOST_SECONDS 1e6
#define DEFAULT_STALL 8.0
#define DEFAULT_START 60.0
#define DEFAULT_SERVER 180.0

struct _GstHealthTracer {
  GstTracer parent;

  StatusServer *server;
  StageLimits limits;
  GMutex lock;
  /* with the lock: */
  GWeakRef pipeline; /* pipeline that changed its state last */
  gboolean playing;
  gint64 since;        /* monotonic time of the last change of `playing`, us */
  StageState answered; /* the state in the last answer */
};

G_DEFINE_TYPE_WITH_CODE (GstHealthTracer, gst_health_tracer, GST_TYPE_TRACER,
    GST_DEBUG_CATEGORY_INIT (health_debug, "health", 0, "health of a pipeline"))

/* --- what happens --- */

static void
push_pre (GstTracer *self, GstClockTime ts, GstPad *pad, gpointer what)
{
  stage_activity_enter (pad, g_get_monotonic_time ());
}

static void
push_post (GstTracer *self, GstClockTime ts, GstPad *pad, GstFlowReturn result)
{
  stage_activity_leave (g_get_monotonic_time ());
}

/* Notes whether the pipeline plays. An ASYNC result counts as playing, because a live pipeline
 * plays even while a sink waits for its first buffer. */
static void
change_state_post (GstTracer *tracer, GstClockTime ts, GstElement *element, GstStateChange change,
    GstStateChangeReturn result)
{
  GstHealthTracer *self = GST_HEALTH_TRACER (tracer);
  gboolean playing =
      change == GST_STATE_CHANGE_PAUSED_TO_PLAYING && result != GST_STATE_CHANGE_FAILURE;

  if (!GST_IS_PIPELINE (element))
    return;
  g_mutex_lock (&self->lock);
  g_weak_ref_set (&self->pipeline, element);
  if (self->playing != playing && change != GST_STATE_CHANGE_PLAYING_TO_PLAYING) {
    self->playing = playing;
    self->since = g_get_monotonic_time ();
    GST_DEBUG_OBJECT (
        self, "%s %s", GST_ELEMENT_NAME (element), playing ? "plays" : "doesn't play");
  }
  g_mutex_unlock (&self->lock);
}

/* --- text of the metrics --- */

static void
collect (const GValue *item, gpointer elements)
{
  g_ptr_array_add (elements, g_value_dup_object (item));
}

/* Returns: (transfer full): all elements of @iterator, even if the pipeline changes meanwhile.
 * Frees @iterator */
static GPtrArray *
list_elements (GstIterator *iterator)
{
  GPtrArray *elements = g_ptr_array_new_with_free_func (gst_object_unref);

  while (gst_iterator_foreach (iterator, collect, elements) == GST_ITERATOR_RESYNC) {
    g_ptr_array_set_size (elements, 0);
    gst_iterator_resync (iterator);
  }
  gst_iterator_free (iterator);
  return elements;
}

static gboolean
is_camera (GstElement *element)
{
  const gchar *klass =
      gst_element_class_get_metadata (GST_ELEMENT_GET_CLASS (element), GST_ELEMENT_METADATA_KLASS);

  return klass && g_str_has_prefix (klass, "Source/Video");
}

/* Cameras in a camerabranch are left out, because a restart of the stage would stop other cameras
 * too. */
static GList *
find_cameras (GstElement *pipeline)
{
  g_autoptr (GPtrArray) sources = list_elements (gst_bin_iterate_sources (GST_BIN (pipeline)));
  GList *cameras = NULL;

  for (guint i = 0; i < sources->len; i++)
    if (is_camera (sources->pdata[i]))
      cameras = g_list_prepend (cameras, gst_object_ref (sources->pdata[i]));
  return cameras;
}

/* (transfer full) (nullable) */
static GstElement *
get_pipeline (GstHealthTracer *self, gboolean *playing, gint64 *since)
{
  GstElement *pipeline;

  g_mutex_lock (&self->lock);
  pipeline = g_weak_ref_get (&self->pipeline);
  *playing = pipeline && self->playing;
  *since = self->since;
  g_mutex_unlock (&self->lock);
  return pipeline;
}

static StageVerdict
judge (GstHealthTracer *self, GstElement *pipeline, gboolean playing, gint64 since)
{
  GList *cameras = playing ? find_cameras (pipeline) : NULL;
  StageVerdict verdict =
      stage_activity_judge (cameras, playing, since, &self->limits, g_get_monotonic_time ());

  g_list_free_full (cameras, gst_object_unref);
  return verdict;
}

/* The branches (camerabranch) of a pipeline. */
typedef struct {
  guint sinks, running_sinks; /* number of branches with a sink; number of those that run */
  GString *down;              /* names of the branches that failed and wait for their next start */
} Branches;

static void
look_at_branch (const GValue *item, gpointer data)
{
  GstElement *element = g_value_get_object (item);
  gboolean sink = GST_OBJECT_FLAG_IS_SET (element, GST_ELEMENT_FLAG_SINK), running = TRUE;
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstStructure) stats = NULL;
  Branches *branches = data;

  if (!factory || !g_str_equal (GST_OBJECT_NAME (factory), "camerabranch"))
    return;
  g_object_get (element, "stats", &stats, NULL);
  gst_structure_get_boolean (stats, "running", &running);
  branches->sinks += sink;
  branches->running_sinks += sink && running;
  if (!running)
    g_string_append_printf (branches->down, "down: %s\n", GST_ELEMENT_NAME (element));
}

static Branches
look_at_branches (GstElement *pipeline)
{
  Branches branches = {0, 0, g_string_new (NULL)};
  GstIterator *elements;

  if (!pipeline)
    return branches;
  elements = gst_bin_iterate_elements (GST_BIN (pipeline));
  while (gst_iterator_foreach (elements, look_at_branch, &branches) == GST_ITERATOR_RESYNC) {
    branches.sinks = branches.running_sinks = 0;
    g_string_truncate (branches.down, 0);
    gst_iterator_resync (elements);
  }
  gst_iterator_free (elements);
  return branches;
}

/* @branches: (transfer full) */
static StatusAnswer
tell_state (const StageVerdict *verdict, Branches branches, gboolean good)
{
  GString *text = g_string_new (stage_state_name (verdict->state));

  if (verdict->seconds > 0)
    g_string_append_printf (
        text, ": %s for %.1f s", verdict->element ? verdict->element : "?", verdict->seconds);
  g_string_append_printf (text, "\n%s", branches.down->str);
  g_string_free (branches.down, TRUE);
  return (StatusAnswer){good ? 200 : 503, g_string_free (text, FALSE)};
}

static void
add_elements (PrometheusText *text, GstElement *pipeline)
{
  g_autoptr (GPtrArray) elements = list_elements (gst_bin_iterate_recurse (GST_BIN (pipeline)));

  for (guint i = 0; i < elements->len; i++)
    element_metrics_add (text, elements->pdata[i]);
}

static void
add_stage (PrometheusText *text, gboolean playing, const StageVerdict *verdict)
{
  prometheus_text_add (text, "gstfog_build_info", PROMETHEUS_GAUGE,
      "Always 1; its label is the version", "version=\"" PACKAGE_VERSION "\"", 1);
  prometheus_text_add (
      text, "gstfog_stage_playing", PROMETHEUS_GAUGE, "1 while the pipeline plays", NULL, playing);
  prometheus_text_add (text, "gstfog_stage_stalled_seconds", PROMETHEUS_GAUGE,
      "Time since a buffer got stuck, or since the last frame of a camera", NULL,
      verdict->state == STAGE_STALLED ? verdict->seconds : 0);
  prometheus_text_add (text, "gstfog_stage_waiting_seconds", PROMETHEUS_GAUGE,
      "Time for which a sink has waited for its server", NULL,
      verdict->state == STAGE_WAITING ? verdict->seconds : 0);
  prometheus_text_add (text, "gstfog_stage_buffers_total", PROMETHEUS_COUNTER,
      "Buffers that sources and queues pushed", NULL, stage_activity_get_buffers ());
}

static StatusAnswer
tell_metrics (GstElement *pipeline, gboolean playing, const StageVerdict *verdict)
{
  PrometheusText *text = prometheus_text_new ();

  add_stage (text, playing, verdict);
  process_metrics_add (text);
  if (pipeline)
    add_elements (text, pipeline);
  return (StatusAnswer){200, prometheus_text_end (text)};
}

static gboolean
waits_for_access (GstElement *element)
{
  GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), "stats");
  g_autoptr (GstStructure) stats = NULL;
  gboolean waits = FALSE;

  if (!spec || spec->value_type != GST_TYPE_STRUCTURE)
    return FALSE;
  g_object_get (element, "stats", &stats, NULL);
  return stats && gst_structure_get_boolean (stats, "waits-for-access", &waits) && waits;
}

/* Sets the state WAITING if an element has lost access to its server. An element without access
 * pushes no buffers, or has a full queue, and would otherwise look idle or stalled. */
static void
look_for_lost_access (GstElement *pipeline, StageVerdict *verdict)
{
  g_autoptr (GPtrArray) elements = list_elements (gst_bin_iterate_recurse (GST_BIN (pipeline)));

  for (guint i = 0; i < elements->len; i++)
    if (waits_for_access (elements->pdata[i])) {
      GST_LOG_OBJECT (elements->pdata[i], "access is lost: the stage waits");
      stage_verdict_clear (verdict);
      *verdict = (StageVerdict){STAGE_WAITING, 0, gst_element_get_name (elements->pdata[i])};
      return;
    }
}

static StatusAnswer
tell_liveness (GstElement *pipeline, const StageVerdict *verdict)
{
  return tell_state (verdict, look_at_branches (pipeline), verdict->state != STAGE_STALLED);
}

static StatusAnswer
tell_readiness (GstElement *pipeline, const StageVerdict *verdict)
{
  Branches branches = look_at_branches (pipeline);
  gboolean runs = branches.sinks == 0 || branches.running_sinks > 0;

  return tell_state (
      verdict, branches, runs && (verdict->state == STAGE_IDLE || verdict->state == STAGE_WORKING));
}

/* Logs the state only if it has changed, because probes request it every few seconds. */
static void
log_verdict (GstHealthTracer *self, const StageVerdict *verdict)
{
  gboolean news;

  g_mutex_lock (&self->lock);
  news = verdict->state != self->answered;
  self->answered = verdict->state;
  g_mutex_unlock (&self->lock);
  if (news)
    GST_INFO_OBJECT (self, "the stage is %s: %s for %.1f s", stage_state_name (verdict->state),
        verdict->element ? verdict->element : "no element", verdict->seconds);
}

static StatusAnswer
answer (const gchar *path, gpointer data)
{
  GstHealthTracer *self = data;
  gboolean playing;
  gint64 since;
  g_autoptr (GstElement) pipeline = get_pipeline (self, &playing, &since);
  StageVerdict verdict = judge (self, pipeline, playing, since);
  StatusAnswer answer = {0, NULL};

  if (pipeline && (verdict.state == STAGE_IDLE || verdict.state == STAGE_WORKING))
    look_for_lost_access (pipeline, &verdict);
  log_verdict (self, &verdict);
  if (g_str_equal (path, "/livez"))
    answer = tell_liveness (pipeline, &verdict);
  else if (g_str_equal (path, "/readyz"))
    answer = tell_readiness (pipeline, &verdict);
  else if (g_str_equal (path, "/metrics"))
    answer = tell_metrics (pipeline, playing, &verdict);
  GST_LOG_OBJECT (self, "%s: %u", path, answer.code);
  stage_verdict_clear (&verdict);
  return answer;
}

/* --- set-up --- */

static gdouble
setting (const GstStructure *settings, const gchar *name, gdouble most, gdouble fallback)
{
  const GValue *value = settings ? gst_structure_get_value (settings, name) : NULL;
  GValue number = G_VALUE_INIT;

  if (value == NULL)
    return fallback;
  g_value_init (&number, G_TYPE_DOUBLE);
  if (!g_value_transform (value, &number) || g_value_get_double (&number) < 0 ||
      g_value_get_double (&number) > most) {
    g_warning ("health: %s isn't a number from 0 to %.0f; using %g", name, most, fallback);
    return fallback;
  }
  return g_value_get_double (&number);
}

static GstStructure *
parse_params (GstHealthTracer *self)
{
  g_autofree gchar *params = NULL, *text = NULL;
  GstStructure *settings;

  g_object_get (self, "params", &params, NULL);
  if (params == NULL || *params == 0)
    return NULL;
  text = g_strconcat ("health,", params, NULL);
  settings = gst_structure_from_string (text, NULL);
  if (settings == NULL)
    g_warning ("health: can't read the settings \"%s\"; they look like port=8080,stall=8", params);
  return settings;
}

static void
register_hooks (GstTracer *self)
{
  gst_tracing_register_hook (self, "pad-push-pre", G_CALLBACK (push_pre));
  gst_tracing_register_hook (self, "pad-push-post", G_CALLBACK (push_post));
  gst_tracing_register_hook (self, "pad-push-list-pre", G_CALLBACK (push_pre));
  gst_tracing_register_hook (self, "pad-push-list-post", G_CALLBACK (push_post));
  gst_tracing_register_hook (self, "element-change-state-post", G_CALLBACK (change_state_post));
}

static void
gst_health_tracer_constructed (GObject *object)
{
  GstHealthTracer *self = GST_HEALTH_TRACER (object);
  g_autoptr (GstStructure) settings = NULL;
  g_autoptr (GError) error = NULL;
  guint port;

  G_OBJECT_CLASS (gst_health_tracer_parent_class)->constructed (object);
  settings = parse_params (self);
  port = (guint) setting (settings, "port", G_MAXUINT16, DEFAULT_PORT);
  self->limits.stall = setting (settings, "stall", MOST_SECONDS, DEFAULT_STALL);
  self->limits.start = setting (settings, "start", MOST_SECONDS, DEFAULT_START);
  self->limits.server = setting (settings, "server", MOST_SECONDS, DEFAULT_SERVER);
  register_hooks (GST_TRACER (self));
  self->server = status_server_new ((guint16) port, answer, self, &error);
  if (self->server == NULL)
    g_warning ("health: this process reports nothing, because port %u isn't available: %s", port,
        error->message);
  else
    GST_INFO_OBJECT (self,
        "answering on port %u: stalled after %g s without progress, %g s without playing, %g s of "
        "waiting for a server",
        status_server_get_port (self->server), self->limits.stall, self->limits.start,
        self->limits.server);
}

static void
gst_health_tracer_finalize (GObject *object)
{
  GstHealthTracer *self = GST_HEALTH_TRACER (object);

  g_clear_pointer (&self->server, status_server_free);
  g_weak_ref_clear (&self->pipeline);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_health_tracer_parent_class)->finalize (object);
}

static void
gst_health_tracer_init (GstHealthTracer *self)
{
  g_mutex_init (&self->lock);
  self->since = g_get_monotonic_time ();
  g_weak_ref_init (&self->pipeline, NULL);
}

static void
gst_health_tracer_class_init (GstHealthTracerClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = gst_health_tracer_constructed;
  G_OBJECT_CLASS (klass)->finalize = gst_health_tracer_finalize;
}
