/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livefetch.h"

#include <gst/app/gstappsink.h>

#include "livetopic.h"

#define TIMEOUT (10 * G_USEC_PER_SEC)
/* Bytes that kafkasrc fetches ahead, for one frame and for a window; few, because only a few frames
 * of the topic are wanted. */
#define PREFETCH_ONE (1024 * 1024)
#define PREFETCH_WINDOW (8 * 1024 * 1024)
/* Largest size (bytes) of the frames from a keyframe to the wanted frame. */
#define RUN_BYTES (48 * 1024 * 1024)

/* A pipeline whose samples are read until it ends. */
typedef struct {
  GstElement *pipeline, *source, *sink;
  gint64 deadline;
} Fetch;

static gboolean
fetch_begin (Fetch *self, const LiveSource *source, guint prefetch, GError **error)
{
  self->pipeline = live_topic_make_pipeline (source, error);
  if (!self->pipeline)
    return FALSE;
  self->source = gst_bin_get_by_name (GST_BIN (self->pipeline), "source");
  self->sink = gst_bin_get_by_name (GST_BIN (self->pipeline), "sink");
  self->deadline = g_get_monotonic_time () + TIMEOUT;
  g_object_set (self->source, "max-prefetch", prefetch, NULL);
  return TRUE;
}

static void
fetch_end (Fetch *self)
{
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_object_unref (self->source);
  gst_object_unref (self->sink);
  gst_object_unref (self->pipeline);
}

/* Returns: (nullable): the next sample; NULL at the end of the stream, after an error, or after the
 * deadline. */
static GstSample *
fetch_next (Fetch *self)
{
  gint64 left = self->deadline - g_get_monotonic_time ();

  return gst_app_sink_try_pull_sample (
      GST_APP_SINK (self->sink), (GstClockTime) MAX (left, 0) * GST_USECOND);
}

static gboolean
fetch_is_over (Fetch *self)
{
  return gst_app_sink_is_eos (GST_APP_SINK (self->sink));
}

/* Returns TRUE if all messages were read. The bus is checked for an error, because the stream also
 * ends after an error. */
static gboolean
fetch_is_complete (Fetch *self, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);
  gboolean over = fetch_is_over (self);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) found = NULL;

  if (message) {
    gst_message_parse_error (message, &found, NULL);
    gst_message_unref (message);
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, found->message);
  } else if (!over) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "Kafka gave nothing for %d s.",
        (gint) (TIMEOUT / G_USEC_PER_SEC));
  }
  return !message && over;
}

/* Sets @error to the pipeline's error, or, if there is none, to the text @nothing. */
static void
fetch_fail (Fetch *self, const gchar *nothing, GError **error)
{
  if (fetch_is_complete (self, error))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, nothing);
}

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

LiveFrame *
live_fetch_frame (const LiveSource *source, const LivePlace *place, GError **error)
{
  g_autofree gchar *partitions = g_strdup_printf ("<%d>", place->partition);
  g_autoptr (GstSample) sample = NULL;
  LiveFrame *frame = NULL;
  Fetch fetch;

  if (!fetch_begin (&fetch, source, PREFETCH_ONE, error))
    return NULL;
  gst_util_set_object_arg (G_OBJECT (fetch.source), "partitions", partitions);
  g_object_set (fetch.source, "start-offset", place->offset, "end-offset", place->offset + 1,
      "eos-at-end", TRUE, NULL);
  gst_element_set_state (fetch.pipeline, GST_STATE_PLAYING);
  sample = fetch_next (&fetch);
  if (sample)
    frame = live_frame_new (sample, now_ms ());
  /* The offset is compared, because kafkasrc reads the oldest message left if the wanted one was
   * deleted. */
  if (frame && frame->place.offset != place->offset)
    g_clear_pointer (&frame, live_frame_unref);
  if (!frame && sample)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Kafka doesn't hold it any more.");
  else if (!frame)
    fetch_fail (&fetch, "Kafka doesn't hold it.", error);
  fetch_end (&fetch);
  return frame;
}

/* The frames that were read since the last keyframe. */
typedef struct {
  GPtrArray *frames;
  /* size of the frames, bytes; if it is above RUN_BYTES, no frames are kept until the next
   * keyframe */
  gsize size;
} Run;

static void
run_clear (Run *self)
{
  g_ptr_array_set_size (self->frames, 0);
  self->size = 0;
}

static void
run_add (Run *self, LiveFrame *frame, const LiveFrame *wanted)
{
  gboolean is_wanted = frame->place.offset == wanted->place.offset;

  if (!frame->delta)
    run_clear (self);
  if (!frame->bytes || !(is_wanted || live_frame_precedes (frame, wanted)) ||
      (frame->delta && !self->frames->len))
    return;
  self->size += frame->size;
  if (self->size > RUN_BYTES)
    g_ptr_array_set_size (self->frames, 0);
  else
    g_ptr_array_add (self->frames, live_frame_ref (frame));
}

static gboolean
is_run_of (const Run *self, const LiveFrame *wanted)
{
  guint n = self->frames->len;
  const LiveFrame *last = n ? g_ptr_array_index (self->frames, n - 1) : NULL;

  return last && last->place.offset == wanted->place.offset;
}

static void
run_fail (const Run *self, gint64 most, GError **error)
{
  if (self->size > RUN_BYTES)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "The frames since its keyframe are too large to be shown.");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
        "Its keyframe isn't among the %" G_GINT64_FORMAT " messages before it.", most);
}

GPtrArray *
live_fetch_run (const LiveSource *source, const LiveFrame *frame, gint64 most, GError **error)
{
  g_autofree gchar *partitions = g_strdup_printf ("<%d>", frame->place.partition);
  g_autoptr (GPtrArray) frames = g_ptr_array_new_with_free_func ((GDestroyNotify) live_frame_unref);
  Run run = {frames, 0};
  gboolean found;
  GstSample *sample;
  Fetch fetch;

  if (!fetch_begin (&fetch, source, PREFETCH_WINDOW, error))
    return NULL;
  gst_util_set_object_arg (G_OBJECT (fetch.source), "partitions", partitions);
  g_object_set (fetch.source, "start-offset", MAX (frame->place.offset - most, 0), "end-offset",
      frame->place.offset + 1, "eos-at-end", TRUE, "camera", frame->camera, NULL);
  gst_element_set_state (fetch.pipeline, GST_STATE_PLAYING);
  while (!is_run_of (&run, frame) && (sample = fetch_next (&fetch))) {
    g_autoptr (LiveFrame) one = live_frame_new (sample, now_ms ());

    if (one)
      run_add (&run, one, frame);
    gst_sample_unref (sample);
  }
  found = is_run_of (&run, frame);
  if (!found && fetch_is_complete (&fetch, error))
    run_fail (&run, most, error);
  fetch_end (&fetch);
  return found ? g_steal_pointer (&frames) : NULL;
}

gboolean
live_fetch_window (const LiveSource *source, const gchar *camera, gint64 from, gint64 to,
    LiveFetchFunc func, gpointer data, gboolean *complete, GError **error)
{
  gboolean more = TRUE, any = FALSE;
  g_autoptr (GError) failure = NULL;
  GstSample *sample;
  Fetch fetch;

  if (!fetch_begin (&fetch, source, PREFETCH_WINDOW, error))
    return FALSE;
  g_object_set (fetch.source, "camera", camera, "start-time", (guint64) from * GST_MSECOND,
      "end-time", (guint64) to * GST_MSECOND, "eos-at-end", TRUE, NULL);
  gst_element_set_state (fetch.pipeline, GST_STATE_PLAYING);
  while (more && (sample = fetch_next (&fetch))) {
    any = TRUE;
    more = func (sample, data);
    gst_sample_unref (sample);
  }
  *complete = more && fetch_is_complete (&fetch, &failure);
  fetch_end (&fetch);
  if (failure)
    g_info ("topic %s: the read of a window isn't complete: %s", source->topic, failure->message);
  if (failure && !any)
    g_propagate_error (error, g_steal_pointer (&failure));
  return any || *complete;
}

gboolean
live_fetch_range (const LiveSource *source, gint64 *from, gint64 *to, GError **error)
{
  g_autoptr (GstSample) sample = NULL;
  g_autoptr (LiveFrame) frame = NULL;
  gint64 duration = 0;
  Fetch fetch;

  if (!fetch_begin (&fetch, source, PREFETCH_ONE, error))
    return FALSE;
  g_object_set (fetch.source, "replay", TRUE, NULL);
  gst_element_set_state (fetch.pipeline, GST_STATE_PLAYING);
  sample = fetch_next (&fetch);
  if (sample) {
    frame = live_frame_new (sample, now_ms ());
    gst_element_query_duration (fetch.source, GST_FORMAT_TIME, &duration);
  } else {
    fetch_fail (&fetch, "Kafka holds no frame.", error);
  }
  fetch_end (&fetch);
  if (!frame)
    return FALSE;
  *from = frame->captured;
  *to = frame->captured + MAX (duration, 0) / (gint64) GST_MSECOND;
  return TRUE;
}
