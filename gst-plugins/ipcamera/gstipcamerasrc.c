/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-ipcamerasrc
 * @title: ipcamerasrc
 * @short_description: reads an IP camera by RTSP and connects again by itself
 *
 * Reads H.264, H.265 or MJPEG. If downstream takes the camera's format, frames leave as the camera
 * sends them, in H.264 and H.265 with the parameter sets before each key frame. Otherwise frames
 * are decoded.
 *
 * The element connects again to a camera that ends the connection, refuses it, or sends no frame
 * for #GstIpCameraSrc:timeout. Before each attempt it waits 1 to 30 s: twice as long each time,
 * plus a random part. After a minute with frames the waits are short again. After a refused
 * password the element waits 24 to 30 s, because cameras lock accounts, or until the password's
 * file changes. Downstream sees one stream that the camera never ends, so the faults of one camera
 * don't reach other branches of a pipeline. Once downstream itself ends the stream (#GST_FLOW_EOS),
 * the element sends EOS and doesn't connect again in this run.
 *
 * The password is read from #GstIpCameraSrc:password-file for each connection. No property, dot
 * file or log shows the password. Without `rtsps://` the password is sent as the camera asks for
 * it: as plain text with Basic authentication, as a hash with Digest authentication.
 *
 * The camera sends its time in RTCP sender reports. If the camera's clock differs from this
 * machine's clock by at most #GstIpCameraSrc:clock-tolerance, frames get the camera's time of
 * capture as a
 * #GstReferenceTimestampMeta (`timestamp/x-unix`), which #kafkasink sends as `capture-time`. The
 * measured difference includes the time that a frame takes to arrive. Frames before the first
 * sender report, and frames of a camera whose clock is wrong, get no #GstReferenceTimestampMeta, so
 * their time of arrival counts as the time of capture.
 *
 * The element never makes a camera wait. At most 12 pictures, or 120 frames of H.264 or H.265, wait
 * for downstream; further frames are dropped, counted and reported.
 *
 * ## Messages
 *
 * A warning says why a camera gives no frames, once for each reason, with the domain and code of
 * the cause (RESOURCE/NOT_AUTHORIZED for a refused password). The warnings RESOURCE/BUSY, when
 * frames are dropped, and RESOURCE/SETTINGS, about a clock that isn't used, come once a run. Info
 * messages say that an attempt failed again for the same reason (RESOURCE/OPEN_READ), and that the
 * camera gives frames again (RESOURCE/READ).
 *
 * ## Errors
 *
 * The element posts the errors RESOURCE/SETTINGS and RESOURCE/OPEN_READ about a property or the
 * password's file when it starts. Later faults cause warnings only.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 -e ipcamerasrc uri=rtsp://127.0.0.1:8554/test ! feedbackrate name=rate \
 *   camera=door ! jpegenc ! kafkasink topic=camera kafkasrc topic=feedback ! rate.feedback
 * ]|
 *
 * Since: 0.1
 */
#include <gst/gst.h>
#include <string.h>

#include "camerafault.h"
#include "camerasecret.h"
#include "camerawait.h"
#include "gstcameradebug.h"
#include "gstcameragate.h"
#include "gstcameralink.h"
#include "gstcamerasettings.h"

#define GST_CAT_DEFAULT gst_ip_camera_src_debug

/* interval at which the control thread reads the counts of the gate, us */
#define TICK (G_USEC_PER_SEC / 4)
/* interval at which the control thread, while it waits, tests whether the password's file has
 * changed, us */
#define LOOK G_USEC_PER_SEC

#define CAPS                                                                                       \
  "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au; "                        \
  "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au; image/jpeg; video/x-raw"

enum { PROP_STATS = GST_CAMERA_PROP_OTHER };

/* Why a connection ended. */
typedef enum { FAILED, REFUSED, FROZEN, CAUSES } Cause;

#define GST_TYPE_IP_CAMERA_SRC (gst_ip_camera_src_get_type ())
G_DECLARE_FINAL_TYPE (GstIpCameraSrc, gst_ip_camera_src, GST, IP_CAMERA_SRC, GstBin)

/* Threads: the control thread makes, watches and ends connections; the threads of a connection pass
 * frames through the gate, and post messages; the queue's thread pushes downstream. */
struct _GstIpCameraSrc {
  GstBin parent;

  GstElement *queue;
  GstPad *sinkpad, *srcpad; /* the queue's sink pad; the bin's source pad */
  GstCameraGate gate;

  GstCameraSettings settings; /* guarded by the object lock */

  GMutex lock; /* guards the fields below; the gate's lock may be taken while it is held */
  GCond cond;
  GThread *thread; /* (nullable): the control thread, in PLAYING; used only by state changes */
  gboolean stopping;
  gboolean ended;       /* EOS was sent downstream, or downstream has ended the stream */
  gboolean connected;   /* it gives frames */
  GError *fault;        /* (nullable): first error of the present connection */
  const gchar *codec;   /* (nullable) */
  guint64 ends[CAUSES]; /* connections that ended */
  gdouble wait;         /* time until the next attempt to connect, s */

  /* only the control thread uses the fields below while the element runs */
  CameraWait waits;
  GError *reported; /* (nullable): the fault in the latest warning */
  gint64 away;      /* monotonic time when the camera failed, us; 0: it hasn't failed */
  guint attempts;   /* number of attempts to connect since the camera failed */
  gboolean reported_drops, reported_clock;
};

/**
 * GstIpCameraSrc!src:
 *
 * The pad pushes H.264, H.265 or MJPEG as the camera sends it, if downstream takes that format;
 * otherwise raw video. The format and the size may change at any time. Buffers are timestamped with
 * the running time of their arrival.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));

#define gst_ip_camera_src_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE (GstIpCameraSrc, gst_ip_camera_src, GST_TYPE_BIN,
    GST_DEBUG_CATEGORY_INIT (gst_ip_camera_src_debug, "ipcamerasrc", 0, "ipcamerasrc"))
GST_ELEMENT_REGISTER_DECLARE (ipcamerasrc)
GST_ELEMENT_REGISTER_DEFINE (ipcamerasrc, "ipcamerasrc", GST_RANK_NONE, GST_TYPE_IP_CAMERA_SRC)

static void
copy_settings (GstIpCameraSrc *self, GstCameraSettings *copy)
{
  GST_OBJECT_LOCK (self);
  gst_camera_settings_copy (copy, &self->settings);
  GST_OBJECT_UNLOCK (self);
}

/* --- what ends a connection --- */

/* (transfer full) @fault */
static void
note_fault (GstIpCameraSrc *self, GError *fault)
{
  g_mutex_lock (&self->lock);
  if (self->fault)
    g_error_free (fault);
  else
    self->fault = fault;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

/* Returns: (transfer full): the reason why the connection to the camera failed, as a sentence for
 * users */
static gchar *
explain (const GError *error, const gchar *debug)
{
  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED))
    return g_strdup ("It refuses access (401): look at user and password-file.");
  if (debug && strstr (debug, "not-negotiated"))
    return g_strdup ("What follows refuses the format or the size of its pictures.");
  return camera_fault_explain (error, debug);
}

static void
take_error (GstIpCameraSrc *self, GstMessage *message)
{
  g_autofree gchar *debug = NULL;
  GError *error;
  gchar *text;

  gst_message_parse_error (message, &error, &debug);
  GST_INFO_OBJECT (self, "%s failed: %s (%s)", GST_OBJECT_NAME (GST_MESSAGE_SRC (message)),
      error->message, debug ? debug : "");
  text = explain (error, debug);
  g_free (error->message);
  error->message = text;
  note_fault (self, error);
}

static gboolean
is_of_connection (GstIpCameraSrc *self, GstMessage *message)
{
  GstObject *source = GST_MESSAGE_SRC (message);

  return source && source != GST_OBJECT (self) && source != GST_OBJECT (self->queue);
}

/* Returns TRUE if the message may leave the bin. Other messages of a connection's elements are of
 * no use to the application, and an error message would end its pipeline. */
static gboolean
may_leave (GstMessage *message)
{
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_STATE_CHANGED:
    case GST_MESSAGE_STREAM_STATUS:
    case GST_MESSAGE_QOS:
    case GST_MESSAGE_NEED_CONTEXT:
    case GST_MESSAGE_HAVE_CONTEXT:
      return TRUE;
    default:
      return FALSE;
  }
}

static void
gst_ip_camera_src_handle_message (GstBin *bin, GstMessage *message)
{
  GstIpCameraSrc *self = GST_IP_CAMERA_SRC (bin);

  if (is_of_connection (self, message) && !may_leave (message)) {
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      take_error (self, message);
    else
      GST_DEBUG_OBJECT (self, "%" GST_PTR_FORMAT, message);
    gst_message_unref (message);
    return;
  }
  GST_BIN_CLASS (parent_class)->handle_message (bin, message);
}

/* --- a connection (control thread) --- */

static void
found_video (GstPad *packets, const gchar *codec, gpointer data)
{
  GstIpCameraSrc *self = data;

  gst_camera_gate_watch_packets (&self->gate, packets);
  g_mutex_lock (&self->lock);
  self->codec = codec;
  g_mutex_unlock (&self->lock);
}

/* Returns: (nullable): the new link; NULL with @error if the password can't be read or an element
 * is missing */
static GstCameraLink *
make_link (GstIpCameraSrc *self, const GstCameraSettings *settings, GError **error)
{
  GstCameraAddress address = {.uri = settings->uri,
      .user = settings->user,
      .tls_ca_file = settings->tls_ca_file,
      .transport = settings->transport,
      .latency = settings->latency,
      .timeout = settings->timeout};
  GstCameraLink *link;
  gchar *password = NULL;

  if (settings->password_file && !(password = camera_secret_read (settings->password_file, error)))
    return NULL;
  address.password = password;
  link = gst_camera_link_new (&address, self->srcpad, found_video, self, error);
  camera_secret_free (password);
  return link;
}

static void
open_link (GstIpCameraSrc *self, GstCameraLink *link, const GstCameraSettings *settings)
{
  GST_INFO_OBJECT (self, "connecting to %s", settings->uri);
  gst_camera_gate_open (&self->gate, link->pad, settings->clock_tolerance);
  gst_element_set_locked_state (link->bin, TRUE);
  gst_bin_add (GST_BIN (self), link->bin);
  gst_pad_link (link->pad, self->sinkpad);
  if (gst_element_set_state (link->bin, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    note_fault (self, g_error_new_literal (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
                          "The connection can't be started."));
}

static void
begin_stream (GstIpCameraSrc *self)
{
  g_autofree gchar *id = gst_pad_create_stream_id (self->srcpad, GST_ELEMENT (self), "frames");

  gst_pad_send_event (self->sinkpad, gst_event_new_stream_start (id));
}

/* Restarts the queue if downstream has refused a buffer, because the queue then takes no buffers
 * until it is started again. */
static void
mend_queue (GstIpCameraSrc *self)
{
  GstPad *pad = gst_element_get_static_pad (self->queue, "src");
  GstFlowReturn flow = gst_pad_get_last_flow_return (pad);

  gst_object_unref (pad);
  if (flow != GST_FLOW_NOT_NEGOTIATED && flow != GST_FLOW_NOT_LINKED)
    return;
  GST_INFO_OBJECT (self, "what follows has refused frames: %s", gst_flow_get_name (flow));
  gst_element_set_state (self->queue, GST_STATE_READY);
  gst_element_sync_state_with_parent (self->queue);
  begin_stream (self);
}

static void
close_link (GstIpCameraSrc *self, GstCameraLink *link)
{
  gst_element_set_state (link->bin, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (self), link->bin);
  gst_camera_link_free (link);
  mend_queue (self);
}

/* Posts the warnings about dropped frames and about the camera's clock, each once. */
static void
report_counts (GstIpCameraSrc *self, const GstCameraCounts *counts)
{
  if (counts->dropped > 0 && !self->reported_drops) {
    self->reported_drops = TRUE;
    GST_ELEMENT_WARNING (self, RESOURCE, BUSY,
        ("Frames are dropped, because what follows takes fewer than the camera gives. stats counts "
         "them. Ask the camera for a lower rate or a smaller picture, or give this machine more "
         "processors; if Kafka is away, spool keeps frames."),
        (NULL));
  }
  if (counts->clock.state == CAMERA_CLOCK_DISTRUSTED && !self->reported_clock) {
    self->reported_clock = TRUE;
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("The camera's clock differs by %.3f s from that of this machine, so frames count by their "
         "arrival. Set the camera's clock (NTP), or raise clock-tolerance.",
            (gdouble) counts->clock.difference / GST_SECOND),
        (NULL));
  }
}

static void
report_return (GstIpCameraSrc *self, gint64 now)
{
  g_autofree gchar *text = NULL;

  if (!self->away)
    return;
  text = g_strdup_printf ("The camera gives frames again, after %.1f s and %u attempts.",
      (gdouble) (now - self->away) / G_USEC_PER_SEC, self->attempts);
  /* twice, because gst-launch-1.0 prints only the second of an info message */
  GST_ELEMENT_INFO (self, RESOURCE, READ, ("%s", text), ("%s", text));
  self->away = 0;
  self->attempts = 0;
  g_clear_error (&self->reported);
}

/* With self->lock. Sets a fault if the camera has ended the stream, or has given no frame for
 * @timeout. */
static void
judge (GstIpCameraSrc *self, const GstCameraCounts *counts, gint64 opened, gint64 now,
    GstClockTime timeout)
{
  gint64 silent = now - MAX (opened, counts->last);

  if (self->fault)
    return;
  if (counts->ended)
    self->fault = g_error_new_literal (
        GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "The camera ended the stream.");
  else if (silent >= (gint64) GST_TIME_AS_USECONDS (timeout))
    self->fault = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY,
        "%s for %.1f s (timeout).", counts->last ? "No frame came" : "The camera gave no frame",
        (gdouble) timeout / GST_SECOND);
}

/* Watches the connection; returns when it has failed, or the element stops. */
static void
watch_link (GstIpCameraSrc *self, GstClockTime timeout)
{
  gint64 opened = g_get_monotonic_time ();
  GstCameraCounts counts;

  g_mutex_lock (&self->lock);
  while (!self->stopping && !self->fault) {
    g_cond_wait_until (&self->cond, &self->lock, g_get_monotonic_time () + TICK);
    gst_camera_gate_read (&self->gate, &counts);
    judge (self, &counts, opened, g_get_monotonic_time (), timeout);
    self->connected = counts.first > 0 && !self->fault;
    g_mutex_unlock (&self->lock);
    if (counts.first > 0)
      report_return (self, counts.first);
    report_counts (self, &counts);
    g_mutex_lock (&self->lock);
  }
  self->connected = FALSE;
  g_mutex_unlock (&self->lock);
}

static gdouble
measure_play (GstIpCameraSrc *self)
{
  GstCameraCounts counts;

  gst_camera_gate_read (&self->gate, &counts);
  return counts.first ? (gdouble) (counts.last - counts.first) / G_USEC_PER_SEC : 0;
}

/* Makes one connection, and waits for its end. Returns the time for which the camera gave frames,
 * s. */
static gdouble
use_connection (GstIpCameraSrc *self, const GstCameraSettings *settings)
{
  GError *error = NULL;
  GstCameraLink *link = make_link (self, settings, &error);

  if (!link) {
    note_fault (self, error);
    return 0;
  }
  open_link (self, link, settings);
  watch_link (self, settings->timeout);
  close_link (self, link);
  return measure_play (self);
}

/* --- a run (control thread) --- */

static Cause
cause_of (const GError *fault)
{
  if (g_error_matches (fault, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED))
    return REFUSED;
  if (g_error_matches (fault, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY))
    return FROZEN;
  return FAILED;
}

static gboolean
is_same_fault (const GError *a, const GError *b)
{
  return a && b && a->domain == b->domain && a->code == b->code &&
         g_str_equal (a->message, b->message);
}

static void
warn (GstIpCameraSrc *self, const GError *fault, const gchar *text)
{
  GError *shown = g_error_new_literal (fault->domain, fault->code, text);

  GST_WARNING_OBJECT (self, "%s", text);
  gst_element_post_message (
      GST_ELEMENT (self), gst_message_new_warning (GST_OBJECT (self), shown, NULL));
  g_error_free (shown);
}

static void
report_fault (GstIpCameraSrc *self, const GError *fault, gdouble wait)
{
  g_autofree gchar *text =
      g_strdup_printf ("The camera gives no frames: %s It is tried again in %.1f s (attempt %u).",
          fault->message, wait, self->attempts + 1);

  if (is_same_fault (fault, self->reported))
    GST_ELEMENT_INFO (self, RESOURCE, OPEN_READ, ("%s", text), ("%s", text));
  else
    warn (self, fault, text);
  g_clear_error (&self->reported);
  self->reported = g_error_copy (fault);
}

/* Returns: (nullable) (transfer full): why the connection ended; NULL if the element stops */
static GError *
take_fault (GstIpCameraSrc *self)
{
  GError *fault;

  g_mutex_lock (&self->lock);
  fault = g_steal_pointer (&self->fault);
  if (self->stopping)
    g_clear_error (&fault);
  if (fault)
    self->ends[cause_of (fault)]++;
  g_mutex_unlock (&self->lock);
  return fault;
}

/* Waits before the next attempt to connect; returns early if the file of the password changes. */
static void
wait_for (GstIpCameraSrc *self, gdouble seconds, const gchar *password_file)
{
  gint64 now = g_get_monotonic_time (), end = now + (gint64) (seconds * G_USEC_PER_SEC);
  guint64 mark = password_file ? camera_secret_mark (password_file) : 0;

  g_mutex_lock (&self->lock);
  self->wait = seconds;
  while (!self->stopping && now < end &&
         (!password_file || camera_secret_mark (password_file) == mark)) {
    g_cond_wait_until (&self->cond, &self->lock, MIN (end, now + LOOK));
    now = g_get_monotonic_time ();
  }
  self->wait = 0;
  g_mutex_unlock (&self->lock);
}

/* @fault: (transfer full); @played: s before it */
static void
wait_after (GstIpCameraSrc *self, GError *fault, gdouble played, const gchar *password_file)
{
  gdouble wait =
      camera_wait_take (&self->waits, played, cause_of (fault) == REFUSED, g_random_double ());

  if (!self->away)
    self->away = g_get_monotonic_time ();
  report_fault (self, fault, wait);
  self->attempts++;
  g_error_free (fault);
  wait_for (self, wait, password_file);
}

static gboolean
is_stopping (GstIpCameraSrc *self)
{
  gboolean stopping;

  g_mutex_lock (&self->lock);
  stopping = self->stopping;
  g_mutex_unlock (&self->lock);
  return stopping;
}

static gpointer
run (gpointer data)
{
  GstIpCameraSrc *self = data;
  GstCameraSettings settings;
  GError *fault;
  gdouble played;

  copy_settings (self, &settings);
  while (!is_stopping (self)) {
    played = use_connection (self, &settings);
    fault = take_fault (self);
    if (fault)
      wait_after (self, fault, played, settings.password_file);
  }
  gst_camera_settings_clear (&settings);
  return NULL;
}

/* --- states --- */

static void
start_thread (GstIpCameraSrc *self)
{
  g_mutex_lock (&self->lock);
  self->stopping = self->ended;
  g_mutex_unlock (&self->lock);
  self->thread = g_thread_new ("ipcamera", run, self);
}

static void
stop_thread (GstIpCameraSrc *self)
{
  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  if (self->thread)
    g_thread_join (g_steal_pointer (&self->thread));
}

static void
begin_run (GstIpCameraSrc *self)
{
  g_mutex_lock (&self->lock);
  self->ended = self->connected = FALSE;
  self->codec = NULL;
  memset (self->ends, 0, sizeof self->ends);
  g_clear_error (&self->fault);
  g_mutex_unlock (&self->lock);
  self->waits = (CameraWait){0};
  self->away = 0;
  self->attempts = 0;
  self->reported_drops = self->reported_clock = FALSE;
  g_clear_error (&self->reported);
  gst_camera_gate_reset (&self->gate);
}

static gboolean
check (GstIpCameraSrc *self)
{
  GstCameraSettings settings;
  GError *error = NULL;
  gboolean good;

  copy_settings (self, &settings);
  good = gst_camera_settings_check (&settings, &error);
  gst_camera_settings_clear (&settings);
  if (good)
    return TRUE;
  gst_element_post_message (
      GST_ELEMENT (self), gst_message_new_error (GST_OBJECT (self), error, NULL));
  g_error_free (error);
  return FALSE;
}

static GstStateChangeReturn
gst_ip_camera_src_change_state (GstElement *element, GstStateChange transition)
{
  GstIpCameraSrc *self = GST_IP_CAMERA_SRC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !check (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    begin_run (self);
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    stop_thread (self);
  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (ret == GST_STATE_CHANGE_FAILURE)
    return ret;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    begin_stream (self);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    start_thread (self);
  /* NO_PREROLL, because the element is live: it gives no frame before PLAYING. */
  return transition == GST_STATE_CHANGE_READY_TO_PAUSED ||
                 transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED
             ? GST_STATE_CHANGE_NO_PREROLL
             : ret;
}

/* Ends the connection, and prevents further connections until the element is started again. */
static void
end_connections (GstIpCameraSrc *self)
{
  g_mutex_lock (&self->lock);
  self->stopping = self->ended = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

/* Sends EOS into the queue, so that it reaches downstream even while there is no connection to the
 * camera. */
static void
end_stream (GstIpCameraSrc *self, GstEvent *eos)
{
  end_connections (self);
  gst_pad_send_event (self->sinkpad, eos);
}

static gboolean
gst_ip_camera_src_send_event (GstElement *element, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (parent_class)->send_event (element, event);
  end_stream (GST_IP_CAMERA_SRC (element), event);
  return TRUE;
}

/* Ends the stream if downstream takes no more frames: a push returned GST_FLOW_EOS. The queue then
 * takes no EOS any more, so EOS is pushed by the source pad. */
static GstFlowReturn
take_flow (GstIpCameraSrc *self, GstFlowReturn flow)
{
  if (flow != GST_FLOW_EOS)
    return flow;
  GST_INFO_OBJECT (self, "what follows has ended the stream");
  end_connections (self);
  gst_pad_push_event (self->srcpad, gst_event_new_eos ());
  return flow;
}

static GstFlowReturn
push (GstPad *pad, GstObject *parent, GstBuffer *frame)
{
  return take_flow (
      gst_pad_get_element_private (pad), gst_proxy_pad_chain_default (pad, parent, frame));
}

static GstFlowReturn
push_list (GstPad *pad, GstObject *parent, GstBufferList *frames)
{
  return take_flow (
      gst_pad_get_element_private (pad), gst_proxy_pad_chain_list_default (pad, parent, frames));
}

/* Answers the latency query itself, because the latency doesn't depend on whether there is a
 * connection. */
static gboolean
gst_ip_camera_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstIpCameraSrc *self = GST_IP_CAMERA_SRC (parent);
  GstClockTime latency;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  GST_OBJECT_LOCK (self);
  latency = self->settings.latency;
  GST_OBJECT_UNLOCK (self);
  gst_query_set_latency (query, TRUE, latency, GST_CLOCK_TIME_NONE);
  return TRUE;
}

/* --- properties --- */

static GstStructure *
make_stats (GstIpCameraSrc *self)
{
  GstCameraCounts counts;
  GstStructure *stats;

  gst_camera_gate_read (&self->gate, &counts);
  g_mutex_lock (&self->lock);
  stats = gst_structure_new ("ipcamerasrc", "connected", G_TYPE_BOOLEAN, self->connected, "frames",
      G_TYPE_UINT64, counts.frames, "bytes", G_TYPE_UINT64, counts.bytes, "dropped", G_TYPE_UINT64,
      counts.dropped, "failed", G_TYPE_UINT64, self->ends[FAILED], "refused", G_TYPE_UINT64,
      self->ends[REFUSED], "frozen", G_TYPE_UINT64, self->ends[FROZEN], "wait", G_TYPE_DOUBLE,
      self->wait, "clock-trusted", G_TYPE_BOOLEAN, counts.clock.state == CAMERA_CLOCK_TRUSTED,
      "clock-frames", G_TYPE_UINT64, counts.clock_frames, NULL);
  if (self->codec)
    gst_structure_set (stats, "codec", G_TYPE_STRING, self->codec, NULL);
  if (counts.clock.state != CAMERA_CLOCK_UNKNOWN)
    gst_structure_set (stats, "clock-difference", G_TYPE_DOUBLE,
        (gdouble) counts.clock.difference / GST_SECOND, NULL);
  g_mutex_unlock (&self->lock);
  return stats;
}

static void
gst_ip_camera_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstIpCameraSrc *self = GST_IP_CAMERA_SRC (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = fog_field_set (gst_camera_settings_fields, &self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_ip_camera_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstIpCameraSrc *self = GST_IP_CAMERA_SRC (object);
  gboolean known;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  known = fog_field_get (gst_camera_settings_fields, &self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_ip_camera_src_finalize (GObject *object)
{
  GstIpCameraSrc *self = GST_IP_CAMERA_SRC (object);

  gst_object_unref (self->sinkpad);
  gst_camera_gate_clear (&self->gate);
  gst_camera_settings_clear (&self->settings);
  g_clear_error (&self->fault);
  g_clear_error (&self->reported);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
install_stats (GObjectClass *klass)
{
  /**
   * GstIpCameraSrc:stats:
   *
   * What the element has done in this run, as a structure `ipcamerasrc`:
   *
   * | field | type | meaning |
   * | --- | --- | --- |
   * | connected | boolean | the camera gives frames |
   * | codec | string | `H264`, `H265` or `JPEG`; absent before the first connection |
   * | frames, bytes | uint64 | frames pushed downstream, decoded or not, and their bytes |
   * | dropped | uint64 | frames dropped because downstream took too few |
   * | failed | uint64 | connections that the camera refused or ended, or that failed otherwise |
   * | refused | uint64 | connections that ended because the password was refused |
   * | frozen | uint64 | connections without a frame for #GstIpCameraSrc:timeout |
   * | wait | double | s from the end of the latest connection to the next attempt; 0: no wait |
   * | clock-trusted | boolean | the camera's clock is used for the time of capture |
   * | clock-frames | uint64 | frames that got the camera's time of capture |
   * | clock-difference | double | s by which the camera's clock is ahead, minus the time from
   *   capture to arrival; absent if the camera hasn't sent its time |
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "What the element has done", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_ip_camera_src_class_init (GstIpCameraSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_ip_camera_src_set_property;
  object_class->get_property = gst_ip_camera_src_get_property;
  object_class->finalize = gst_ip_camera_src_finalize;
  element_class->change_state = gst_ip_camera_src_change_state;
  element_class->send_event = gst_ip_camera_src_send_event;
  GST_BIN_CLASS (klass)->handle_message = gst_ip_camera_src_handle_message;
  gst_camera_settings_install_properties (object_class);
  install_stats (object_class);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "IP camera", "Source/Network/Video",
      "Reads an IP camera by RTSP and connects again by itself", "The gst-fog authors");
  gst_type_mark_as_plugin_api (GST_TYPE_CAMERA_TRANSPORT, 0);
}

static void
watch_flow (GstIpCameraSrc *self)
{
  GstPad *internal = GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (self->srcpad)));

  gst_pad_set_element_private (internal, self);
  gst_pad_set_chain_function (internal, push);
  gst_pad_set_chain_list_function (internal, push_list);
  gst_object_unref (internal);
}

static void
add_queue (GstIpCameraSrc *self)
{
  GstPad *pad;

  self->queue = gst_element_factory_make ("queue", "frames");
  /* the queue itself has no limits, because the gate limits it */
  g_object_set (self->queue, "max-size-buffers", 0, "max-size-bytes", 0, "max-size-time",
      (guint64) 0, "silent", TRUE, NULL);
  gst_bin_add (GST_BIN (self), self->queue);
  self->sinkpad = gst_element_get_static_pad (self->queue, "sink");
  pad = gst_element_get_static_pad (self->queue, "src");
  self->srcpad = gst_ghost_pad_new_from_template (
      "src", pad, gst_element_get_pad_template (GST_ELEMENT (self), "src"));
  gst_object_unref (pad);
  gst_pad_set_query_function (self->srcpad, gst_ip_camera_src_query);
  watch_flow (self);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}

static void
gst_ip_camera_src_init (GstIpCameraSrc *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  gst_camera_settings_init (&self->settings);
  /* The flag is set here, because a bin is a source only while it contains a source, which this one
   * does only while it is connected. */
  gst_bin_set_suppressed_flags (GST_BIN (self), GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  add_queue (self);
  gst_camera_gate_init (&self->gate, GST_ELEMENT (self), self->queue);
}
