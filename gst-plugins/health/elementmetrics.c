/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementmetrics.h"

#include <math.h>

#include "fogstats.h"

typedef struct {
  const gchar *factory, *field;
  const gchar *name;
  const gchar *reason; /* value of the metric's label `reason`; nullable */
  gboolean counter;
  gdouble unit; /* factor from the field's unit to the metric's unit */
  const gchar *help;
} Metric;

#define NS 1e-9
#define COUNT(factory, field, name, reason, help)                                                  \
  {                                                                                                \
    factory, field, name, reason, TRUE, 1, help                                                    \
  }
#define GAUGE(factory, field, name, unit, help)                                                    \
  {                                                                                                \
    factory, field, name, NULL, FALSE, unit, help                                                  \
  }

#define DROPPED "Frames or messages dropped on purpose, or by a failing or damaged disk, by reason"
#define REJECTED "Frames, messages or documents that could not be used, by reason"
#define SKIPPED "Messages, reports or cameras skipped because they were not wanted, by reason"
#define IGNORED "Regions found and not counted, by reason"
#define RESTARTS "Connections to the camera that ended and were made again, by reason"
#define SKEW "Frames whose capture time lay in the future"

/* The table has one entry for each field of `stats`. Fields that differ only by reason have the
 * same metric name and help. */
static const Metric metrics[] = {
    COUNT ("kafkasink", "delivered", "gstfog_messages_delivered_total", NULL,
        "Messages that Kafka acknowledged"),
    COUNT ("kafkasink", "delivered-bytes", "gstfog_delivered_bytes_total", NULL,
        "Bytes that Kafka acknowledged"),
    GAUGE ("kafkasink", "waiting", "gstfog_send_waiting_messages", 1,
        "Messages not yet handed to the client"),
    GAUGE ("kafkasink", "in-flight", "gstfog_send_in_flight_messages", 1,
        "Messages sent and not yet acknowledged"),
    GAUGE ("kafkasink", "queued-bytes", "gstfog_send_queue_bytes", 1, "Bytes not yet acknowledged"),
    COUNT ("kafkasink", "dropped-upstream", "gstfog_dropped_total", "queue-full-new", DROPPED),
    COUNT ("kafkasink", "dropped-downstream", "gstfog_dropped_total", "queue-full-old", DROPPED),
    COUNT ("kafkasink", "spool-dropped", "gstfog_dropped_total", "spool-full", DROPPED),
    COUNT ("kafkasink", "spooled", "gstfog_spooled_total", NULL,
        "Messages that went to the disk, because they couldn't be sent in time"),
    COUNT ("kafkasink", "spool-sent", "gstfog_spool_sent_total", NULL,
        "Messages on the disk that were delivered"),
    GAUGE ("kafkasink", "spool-buffers", "gstfog_spool_messages", 1, "Messages on the disk"),
    GAUGE ("kafkasink", "spool-used-bytes", "gstfog_spool_bytes", 1,
        "Bytes of the disk that messages use"),
    COUNT ("kafkasink", "undeliverable", "gstfog_rejected_total", "undeliverable", REJECTED),
    COUNT ("kafkasink", "resent", "gstfog_messages_resent_total", NULL, "Messages sent again"),
    COUNT ("kafkasink", "rebuilds", "gstfog_client_rebuilds_total", NULL,
        "Clients replaced after a fatal error"),
    GAUGE ("kafkasink", "waits-for-access", "gstfog_waits_for_access", 1,
        "1 while the element waits for access that was lost"),
    GAUGE ("kafkasink", "throttle-time", "gstfog_throttle_seconds", NS,
        "Longest wait that a broker demands because the element exceeds a quota"),
    COUNT ("kafkasink", "refused-batches", "gstfog_refused_batches_total", NULL,
        "Batches that were too large for the topic"),
    COUNT ("kafkasink", "lost-connections", "gstfog_lost_connections_total", NULL,
        "Connections that ended with messages on their way that nobody acknowledges"),
    GAUGE ("kafkasink", "batch-bytes", "gstfog_batch_max_bytes", 1, "Limit for a batch"),
    GAUGE ("kafkasink", "latency", "gstfog_delivery_seconds", NS,
        "Moving mean of the time from hand-over to acknowledgement"),
    GAUGE ("kafkasink", "connected", "gstfog_kafka_connected", 1, "1 while the brokers answer"),

    COUNT (
        "kafkasrc", "messages", "gstfog_messages_read_total", NULL, "Messages pushed downstream"),
    COUNT ("kafkasrc", "bytes", "gstfog_read_bytes_total", NULL, "Bytes pushed downstream"),
    GAUGE ("kafkasrc", "connected", "gstfog_kafka_connected", 1, "1 while the brokers answer"),
    COUNT ("kafkasrc", "other-cameras", "gstfog_skipped_total", "other-camera", SKIPPED),
    COUNT ("kafkasrc", "too-old", "gstfog_dropped_total", "too-old", DROPPED),
    COUNT ("kafkasrc", "bad-caps", "gstfog_rejected_total", "bad-caps", REJECTED),
    COUNT ("kafkasrc", "refused-caps", "gstfog_rejected_total", "refused-caps", REJECTED),
    COUNT ("kafkasrc", "clock-skew", "gstfog_clock_skew_total", NULL, SKEW),
    GAUGE ("kafkasrc", "age", "gstfog_newest_age_seconds", NS,
        "Time from capture to arrival of the last message"),
    GAUGE ("kafkasrc", "lag", NULL, 1, NULL), /* by partition, below */
    GAUGE ("kafkasrc", "lag-time", "gstfog_lag_seconds", NS,
        "Time since the capture of the last message read, if others wait; 0: none waits"),
    GAUGE ("kafkasrc", "prefetched", "gstfog_prefetched_messages", 1,
        "Messages fetched ahead of the pipeline"),
    GAUGE ("kafkasrc", "pending", "gstfog_pending_messages", 1, "Messages on their way downstream"),
    GAUGE ("kafkasrc", "parked", "gstfog_parked_messages", 1,
        "Messages released without a mark, not yet done"),
    COUNT ("kafkasrc", "condemned", "gstfog_rejected_total", "condemned", REJECTED),
    COUNT ("kafkasrc", "lost", "gstfog_messages_lost_total", NULL,
        "Messages deleted from the topic before they were read"),
    COUNT ("kafkasrc", "offsets-missing", "gstfog_offsets_missing_total", NULL,
        "Offsets passed over because no message has them"),
    GAUGE ("kafkasrc", "throttle-time", "gstfog_throttle_seconds", NS,
        "Longest wait that a broker demands because the element exceeds a quota"),
    GAUGE ("kafkasrc", "held-back", "gstfog_held_back_messages", 1,
        "Messages that wait for the end of a transaction"),
    COUNT ("kafkasrc", "damaged", "gstfog_rejected_total", "damaged", REJECTED),
    GAUGE ("kafkasrc", "waits-for-access", "gstfog_waits_for_access", 1,
        "1 while the element waits for access that was lost"),
    COUNT ("kafkasrc", "rebalances", "gstfog_rebalances_total", NULL, "Changes of the assignment"),

    GAUGE ("camerabranch", "running", "gstfog_branch_running", 1,
        "1 while the elements of the branch run"),
    COUNT (
        "camerabranch", "failures", "gstfog_branch_failures_total", NULL, "Failures of the branch"),
    GAUGE ("camerabranch", "in-a-row", "gstfog_branch_failures_in_a_row", 1,
        "Failures since the branch last ran for steady-time"),
    GAUGE ("camerabranch", "wait", "gstfog_branch_wait_seconds", 1,
        "Time from a failure of the branch to its next start; 0: it isn't waiting"),
    COUNT ("camerabranch", "dropped", "gstfog_dropped_total", "branch-down", DROPPED),

    GAUGE ("ipcamerasrc", "connected", "gstfog_camera_connected", 1,
        "1 while the camera gives frames"),
    COUNT ("ipcamerasrc", "frames", "gstfog_camera_read_frames_total", NULL,
        "Frames pushed downstream"),
    COUNT ("ipcamerasrc", "bytes", "gstfog_camera_read_bytes_total", NULL,
        "Bytes of the frames pushed downstream, decoded or not"),
    COUNT ("ipcamerasrc", "dropped", "gstfog_dropped_total", "camera-too-fast", DROPPED),
    COUNT ("ipcamerasrc", "failed", "gstfog_camera_restarts_total", "failed", RESTARTS),
    COUNT ("ipcamerasrc", "refused", "gstfog_camera_restarts_total", "refused", RESTARTS),
    COUNT ("ipcamerasrc", "frozen", "gstfog_camera_restarts_total", "frozen", RESTARTS),
    GAUGE ("ipcamerasrc", "wait", "gstfog_camera_wait_seconds", 1,
        "Time from the end of a connection to the next; 0: it isn't waiting"),
    GAUGE ("ipcamerasrc", "clock-trusted", "gstfog_camera_clock_trusted", 1,
        "1 while the camera's clock gives the time of capture"),
    COUNT ("ipcamerasrc", "clock-frames", "gstfog_camera_clock_frames_total", NULL,
        "Frames with the camera's time of capture"),
    GAUGE ("ipcamerasrc", "clock-difference", "gstfog_camera_clock_difference_seconds", 1,
        "Time by which the camera's clock is ahead, minus the time from capture to arrival"),

    COUNT ("haarfacecount", "frames", "gstfog_counted_frames_total", NULL,
        "Frames in which faces were counted"),
    COUNT ("haarfacecount", "faces", "gstfog_counted_faces_total", NULL, "Faces counted"),
    COUNT ("haarfacecount", "events", "gstfog_events_total", NULL, "Events sent"),
    COUNT ("haarfacecount", "unchanged", "gstfog_unchanged_frames_total", NULL,
        "Frames not searched because nothing changed"),
    COUNT ("haarfacecount", "partial", "gstfog_partial_frames_total", NULL,
        "Frames searched only where they changed"),
    COUNT ("haarfacecount", "low-scores", "gstfog_ignored_regions_total", "low-score", IGNORED),
    COUNT (
        "haarfacecount", "outside-zones", "gstfog_ignored_regions_total", "outside-zones", IGNORED),
    COUNT ("haarfacecount", "other-labels", "gstfog_ignored_regions_total", "other-label", IGNORED),
    COUNT ("haarfacecount", "too-small", "gstfog_too_small_frames_total", NULL,
        "Frames smaller than min-size, in which no face is looked for"),
    COUNT ("haarfacecount", "too-old", "gstfog_dropped_total", "too-old", DROPPED),
    COUNT ("haarfacecount", "bad-frames", "gstfog_rejected_total", "bad-frame", REJECTED),
    COUNT ("haarfacecount", "failed-frames", "gstfog_rejected_total", "failed-frame", REJECTED),
    COUNT (
        "haarfacecount", "unblurred-frames", "gstfog_rejected_total", "unblurred-frame", REJECTED),
    COUNT ("haarfacecount", "clock-skew", "gstfog_clock_skew_total", NULL, SKEW),
    COUNT ("haarfacecount", "reports", "gstfog_reports_sent_total", NULL, "Reports sent"),
    COUNT ("haarfacecount", "unlisted-cameras", "gstfog_skipped_total", "unlisted-camera", SKIPPED),
    COUNT ("haarfacecount", "busy", "gstfog_busy_seconds_total", NULL,
        "Time that the workers were busy, summed"),
    GAUGE ("haarfacecount", "workers", "gstfog_workers", 1, "Frames counted in parallel"),
    GAUGE ("haarfacecount", "waiting", "gstfog_waiting_frames", 1, "Frames inside the element"),
    GAUGE ("haarfacecount", "lag", NULL, 1, NULL), /* kafkasrc's */

    COUNT ("mongosink", "documents", "gstfog_documents_total", NULL, "Documents stored"),
    COUNT ("mongosink", "duplicates", "gstfog_duplicates_total", NULL,
        "Documents that were stored already"),
    COUNT ("mongosink", "rejected", "gstfog_rejected_total", "refused", REJECTED),
    COUNT ("mongosink", "unreadable", "gstfog_unreadable_total", NULL,
        "Rejected documents that were invalid"),
    COUNT ("mongosink", "dates-cut", "gstfog_dates_cut_total", NULL,
        "Dates whose digits below the millisecond were cut off"),
    COUNT ("mongosink", "undated", "gstfog_undated_documents_total", NULL,
        "Documents that never expire, since they have no date in expire-field"),
    COUNT ("mongosink", "tombstones", "gstfog_skipped_total", "tombstone", SKIPPED),
    COUNT ("mongosink", "batches", "gstfog_batches_total", NULL,
        "Batches that the server acknowledged"),
    COUNT ("mongosink", "retries", "gstfog_batch_retries_total", NULL, "Batches sent again"),
    GAUGE ("mongosink", "waiting", "gstfog_documents_waiting", 1, "Documents not yet acknowledged"),
    GAUGE ("mongosink", "waiting-bytes", "gstfog_documents_waiting_bytes", 1,
        "Size as BSON of the documents not yet acknowledged"),
    GAUGE ("mongosink", "write-latency", "gstfog_write_seconds", NS,
        "Moving mean of the time of a batch"),
    GAUGE ("mongosink", "write-latency-max", "gstfog_write_max_seconds", NS,
        "Longest time of a batch"),

    GAUGE ("feedbackrate", "rate", "gstfog_rate_given", 1, "Frames/s sent now"),
    GAUGE ("feedbackrate", "wanted", "gstfog_rate_wanted", 1,
        "Frames/s that the camera would send without a bound"),
    GAUGE ("feedbackrate", "source-rate", "gstfog_rate_source", 1, "Frames/s of the source's caps"),
    GAUGE ("feedbackrate", "capacity", "gstfog_capacity", 1,
        "Frames/s that the active replicas could count"),
    GAUGE ("feedbackrate", "delivered", "gstfog_rate_delivered", 1,
        "Frames/s that the active replicas count"),
    GAUGE ("feedbackrate", "demand", "gstfog_demand", 1,
        "Rate that all cameras want, divided by the fog's capacity"),
    GAUGE ("feedbackrate", "needed-replicas", "gstfog_needed_replicas", 1,
        "Replicas that could count what all cameras want"),
    GAUGE ("feedbackrate", "queue", "gstfog_queue_frames", 1, "Frames waiting in the fog"),
    GAUGE ("feedbackrate", "replicas", "gstfog_replicas", 1, "Replicas alive"),
    GAUGE ("feedbackrate", "cameras", "gstfog_cameras", 1, "Cameras alive"),
    GAUGE ("feedbackrate", "link-rate", "gstfog_rate_link", 1,
        "Frames/s that the link takes; 0: no limit"),
    GAUGE ("feedbackrate", "round-trip", "gstfog_round_trip_seconds", 1,
        "Time from sending a frame to the report about it"),
    GAUGE ("feedbackrate", "in-flight", "gstfog_in_flight_frames", 1,
        "Frames sent and not yet reported"),
    COUNT ("feedbackrate", "frames-in", "gstfog_camera_frames_total", NULL,
        "Frames that the camera gave"),
    COUNT ("feedbackrate", "frames-out", "gstfog_sent_frames_total", NULL, "Frames sent on"),
    COUNT ("feedbackrate", "frames-still", "gstfog_still_frames_total", NULL,
        "Frames not sent because they show nothing new"),
    COUNT ("feedbackrate", "uncompared-frames", "gstfog_uncompared_frames_total", NULL,
        "Frames that still-interval couldn't compare"),
    COUNT ("feedbackrate", "frames-held", "gstfog_dropped_total", "too-many-in-flight", DROPPED),
    COUNT (
        "feedbackrate", "reports", "gstfog_reports_read_total", NULL, "Reports taken into account"),
    COUNT ("feedbackrate", "old-reports", "gstfog_skipped_total", "old-report", SKIPPED),
    COUNT ("feedbackrate", "bad-reports", "gstfog_rejected_total", "bad-report", REJECTED),
    COUNT ("feedbackrate", "displaced-replicas", "gstfog_displaced_replicas_total", NULL,
        "Replicas that were forgotten to make room for newer names"),
    COUNT ("feedbackrate", "source-changes", "gstfog_source_changes_total", NULL,
        "Changes of the camera's own rate"),
};

typedef struct {
  PrometheusText *text;
  const gchar *factory;
  /* nullable: values of the labels that all metrics of the element have */
  gchar *element, *camera, *replica, *topic;
} Source;

static gboolean
as_number (const GValue *value, gdouble *number)
{
  GValue converted = G_VALUE_INIT;

  if (G_VALUE_HOLDS_BOOLEAN (value)) {
    *number = g_value_get_boolean (value);
    return TRUE;
  }
  if (G_VALUE_HOLDS_UINT64 (value) && !GST_CLOCK_TIME_IS_VALID (g_value_get_uint64 (value))) {
    *number = NAN;
    return TRUE;
  }
  if (G_VALUE_HOLDS_STRING (value) ||
      !g_value_type_transformable (G_VALUE_TYPE (value), G_TYPE_DOUBLE))
    return FALSE;
  g_value_init (&converted, G_TYPE_DOUBLE);
  g_value_transform (value, &converted);
  *number = g_value_get_double (&converted);
  return TRUE;
}

static const Metric *
find_metric (const gchar *factory, const gchar *field)
{
  for (guint i = 0; i < G_N_ELEMENTS (metrics); i++)
    if (g_str_equal (metrics[i].factory, factory) && g_str_equal (metrics[i].field, field))
      return &metrics[i];
  return NULL;
}

static gchar *
labels_of (const Source *source, const gchar *reason)
{
  return prometheus_labels ("element", source->element, "camera", source->camera, "replica",
      source->replica, "topic", source->topic, "reason", reason, NULL);
}

/* Replaces characters that are not allowed in a metric's name by "_". */
static gchar *
plain_name (const gchar *factory, const gchar *field)
{
  gchar *name = g_strdup_printf ("gstfog_%s_%s", factory, field);

  for (gchar *c = name; *c; c++)
    if (!g_ascii_isalnum (*c))
      *c = '_';
  return name;
}

static void
add_number (const Source *source, const gchar *field, gdouble number)
{
  const Metric *metric = find_metric (source->factory, field);
  g_autofree gchar *labels = labels_of (source, metric ? metric->reason : NULL);

  if (metric == NULL) {
    g_autofree gchar *name = plain_name (source->factory, field);
    g_autofree gchar *help =
        g_strdup_printf ("Field %s in the stats of %s", field, source->factory);

    prometheus_text_add (source->text, name, PROMETHEUS_GAUGE, help, labels, number);
  } else if (metric->name) {
    prometheus_text_add (source->text, metric->name,
        metric->counter ? PROMETHEUS_COUNTER : PROMETHEUS_GAUGE, metric->help, labels,
        number * metric->unit);
  }
}

static void
add_partition (const Source *source, const GstStructure *s)
{
  const gchar *topic = gst_structure_get_string (s, "topic");
  g_autofree gchar *partition = NULL, *labels = NULL;
  guint64 lag;
  gint number;

  if (!topic || !gst_structure_get_int (s, "partition", &number) ||
      !gst_structure_get_uint64 (s, "lag", &lag))
    return;
  partition = g_strdup_printf ("%d", number);
  labels =
      prometheus_labels ("element", source->element, "topic", topic, "partition", partition, NULL);
  prometheus_text_add (source->text, "gstfog_messages_waiting", PROMETHEUS_GAUGE,
      "Messages not yet pushed downstream", labels, (gdouble) lag);
}

static void
add_camera (const Source *source, const GstStructure *s)
{
  guint64 frames, faces;
  g_autofree gchar *labels = NULL;

  if (!gst_structure_get_uint64 (s, "frames", &frames) ||
      !gst_structure_get_uint64 (s, "faces", &faces))
    return;
  labels = prometheus_labels ("element", source->element, "camera",
      gst_structure_get_string (s, "camera"), "replica", source->replica, NULL);
  prometheus_text_add (source->text, "gstfog_frames_total", PROMETHEUS_COUNTER,
      "Frames counted, by camera", labels, (gdouble) frames);
  prometheus_text_add (source->text, "gstfog_faces_total", PROMETHEUS_COUNTER,
      "Faces counted, by camera", labels, (gdouble) faces);
}

static void
add_zone (const Source *source, const GstStructure *s)
{
  g_autofree gchar *labels = NULL;
  guint64 faces;

  if (!gst_structure_get_uint64 (s, "faces", &faces))
    return;
  labels = prometheus_labels ("element", source->element, "camera",
      gst_structure_get_string (s, "camera"), "zone", gst_structure_get_string (s, "zone"),
      "replica", source->replica, NULL);
  prometheus_text_add (source->text, "gstfog_zone_faces_total", PROMETHEUS_COUNTER,
      "Faces counted, by camera and zone", labels, (gdouble) faces);
}

static void
add_each (const Source *source, const GValue *array,
    void (*add) (const Source *source, const GstStructure *s))
{
  for (guint i = 0; i < gst_value_array_get_size (array); i++) {
    const GValue *value = gst_value_array_get_value (array, i);

    if (GST_VALUE_HOLDS_STRUCTURE (value))
      add (source, gst_value_get_structure (value));
  }
}

static void
add_histogram (const Source *source, const gchar *field, const GstStructure *s)
{
  g_autofree gchar *name = g_strdup_printf ("gstfog_%s_seconds", field);
  g_autofree gchar *labels = labels_of (source, NULL);
  FogHistogram histogram;

  if (!fog_histogram_from_structure (&histogram, s))
    return;
  for (gchar *c = name; *c; c++)
    *c = *c == '-' ? '_' : *c;
  prometheus_text_add_histogram (source->text, name,
      g_str_equal (field, "frame-age") ? "Time from capture to the count"
                                       : "Time that a worker needed for a frame",
      labels, FOG_HISTOGRAM_BOUNDS, fog_histogram_bounds, histogram.counts, histogram.sum);
}

static gboolean
add_field (GQuark quark, const GValue *value, gpointer data)
{
  const Source *source = data;
  const gchar *field = g_quark_to_string (quark);
  gdouble number;

  if (as_number (value, &number))
    add_number (source, field, number);
  else if (GST_VALUE_HOLDS_STRUCTURE (value))
    add_histogram (source, field, gst_value_get_structure (value));
  else if (GST_VALUE_HOLDS_ARRAY (value) && g_str_equal (field, "partitions"))
    add_each (source, value, add_partition);
  else if (GST_VALUE_HOLDS_ARRAY (value) && g_str_equal (field, "cameras"))
    add_each (source, value, add_camera);
  else if (GST_VALUE_HOLDS_ARRAY (value) && g_str_equal (field, "zones"))
    add_each (source, value, add_zone);
  return TRUE;
}

/* Adds a sample for each possible limit of the rate: 1 for the limit that applies now, 0 for the
 * others. */
static void
add_bound (const Source *source, const GstStructure *stats)
{
  const gchar *bound = gst_structure_get_string (stats, "bound");

  for (guint i = 0; bound && i < RATE_BOUND_COUNT; i++) {
    g_autofree gchar *labels = labels_of (source, rate_bound_name (i));

    prometheus_text_add (source->text, "gstfog_rate_bound", PROMETHEUS_GAUGE,
        "1 for what limits the camera's rate now", labels,
        g_str_equal (bound, rate_bound_name (i)));
  }
}

static gchar *
get_text_property (GstElement *element, const gchar *name)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);
  gchar *text = NULL;

  if (pspec && pspec->value_type == G_TYPE_STRING && (pspec->flags & G_PARAM_READABLE))
    g_object_get (element, name, &text, NULL);
  return text;
}

/* Returns TRUE for a bin that only groups elements of the pipeline, which have metrics of their
 * own. */
static gboolean
is_branch (gpointer object)
{
  GstElementFactory *factory = GST_IS_ELEMENT (object) ? gst_element_get_factory (object) : NULL;

  return factory && g_str_equal (GST_OBJECT_NAME (factory), "camerabranch");
}

/* Returns: (transfer full): the element's name, or BIN/NAME if the element is within a bin of the
 * pipeline, because elements of two bins may have the same name. Branches are left out: elements of
 * two branches have different names, by which gst-launch-1.0 links them. */
static gchar *
path_of (GstElement *element)
{
  gchar *path = gst_element_get_name (element);
  g_autoptr (GstObject) bin = gst_object_get_parent (GST_OBJECT (element));
  GstObject *above;

  while (bin && (above = gst_object_get_parent (bin))) {
    if (!is_branch (bin)) {
      gchar *inner = path;

      path = g_strdup_printf ("%s/%s", GST_OBJECT_NAME (bin), inner);
      g_free (inner);
    }
    gst_object_unref (bin);
    bin = above;
  }
  return path;
}

static void
source_clear (Source *source)
{
  g_free (source->element);
  g_free (source->camera);
  g_free (source->replica);
  g_free (source->topic);
}

/* Returns: (nullable): the property `stats` of @object; NULL if @object has none, or it isn't a
 * readable structure */
static GParamSpec *
find_stats (gpointer object)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), "stats");

  return pspec && (pspec->flags & G_PARAM_READABLE) && pspec->value_type == GST_TYPE_STRUCTURE
             ? pspec
             : NULL;
}

/* Returns TRUE if @element is in a bin that itself has a property `stats`. The bin's `stats` sum up
 * its elements, whose names may change with each connection. */
static gboolean
is_summed_up (GstElement *element)
{
  GstObject *bin = gst_object_get_parent (GST_OBJECT (element));
  gboolean found = FALSE;

  while (bin && !found) {
    GstObject *above = gst_object_get_parent (bin);

    found = find_stats (bin) && !is_branch (bin);
    gst_object_unref (bin);
    bin = above;
  }
  gst_clear_object (&bin);
  return found;
}

void
element_metrics_add (PrometheusText *text, GstElement *element)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstStructure) stats = NULL;
  Source source = {.text = text};

  if (factory == NULL || !find_stats (element) || is_summed_up (element))
    return;
  g_object_get (element, "stats", &stats, NULL);
  if (stats == NULL)
    return;
  source.factory = GST_OBJECT_NAME (factory);
  source.element = path_of (element);
  source.camera = g_strdup (gst_structure_get_string (stats, "camera"));
  source.replica = get_text_property (element, "replica");
  source.topic = get_text_property (element, "topic");
  gst_structure_foreach (stats, add_field, &source);
  add_bound (&source, stats);
  source_clear (&source);
}
