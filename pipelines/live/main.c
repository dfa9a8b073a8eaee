/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fog-live, the server of the live page, which shows the running system.
 * pipelines/live/README.md */
#include <gst/gst.h>
#include <locale.h>

#include "engine/haarload.h"
#include "gstkafkameta.h"
#include "liveloop.h"
#include "sources/livebudget.h"
#include "sources/livegroup.h"
#include "http/livehttp.h"
#include "sources/livetopic.h"

#define TICK 125      /* ms */
#define STATE_TICKS 4 /* number of ticks between two states that are sent: half a second */

typedef struct {
  LiveOptions *options;
  LiveModel *model;
  LiveTopic *frames, *events, *reports;
  LiveGroup *fog, *cloud;
  LiveApi api;
  LiveHttp *http;
  LiveBudget budget; /* limits the rate at which frames are read */
  guint tick;
} Live;

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

/* --- messages --- */

static void
take_report (GstSample *sample, gpointer data)
{
  Live *self = data;
  g_autoptr (FogReport) report = NULL;
  GstMapInfo map;

  if (!gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ))
    return;
  report = fog_report_parse ((const gchar *) map.data, map.size, NULL);
  gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
  if (report)
    live_model_take_report (self->model, report, now_ms ());
  else
    live_model_count_unreadable (self->model);
}

static void
take_event (GstSample *sample, gpointer data)
{
  Live *self = data;
  g_autoptr (LiveAnswer) answer = live_answer_from_sample (sample);

  if (answer)
    live_model_take_answer (self->model, answer, now_ms ());
  else
    live_model_count_unreadable (self->model);
}

static void
take_frame (GstSample *sample, gpointer data)
{
  Live *self = data;
  g_autoptr (LiveFrame) frame = live_frame_new (sample, now_ms ());

  if (frame)
    live_model_take_frame (self->model, frame, now_ms ());
}

/* --- ticks --- */

static void
send (Live *self, const gchar *event, GBytes *data, gboolean must)
{
  if (!data)
    return;
  live_stream_send (live_http_get_stream (self->http), event, data, must);
  g_bytes_unref (data);
}

static void
send_marks (Live *self)
{
  for (GBytes *mark = live_model_take_mark (self->model); mark;
       mark = live_model_take_mark (self->model))
    send (self, "mark", mark, TRUE);
}

static gboolean
tick (gpointer data)
{
  Live *self = data;
  gboolean watched = live_model_is_watched (self->model, now_ms ());
  gboolean reading, viewed = live_stream_count (live_http_get_stream (self->http)) > 0;

  reading =
      live_budget_allows (&self->budget, now_ms (), live_topic_get_bytes (self->frames)) && watched;
  live_topic_set_reading (self->frames, reading);
  live_model_set_reading (self->model, reading, now_ms ());
  if (watched && viewed)
    send (self, "frames", live_model_make_frames (self->model, now_ms ()), FALSE);
  if (self->tick++ % STATE_TICKS)
    return G_SOURCE_CONTINUE;
  live_model_tick (self->model, now_ms ());
  send_marks (self);
  if (viewed)
    send (self, "state", live_model_make_state (self->model, now_ms ()), FALSE);
  return G_SOURCE_CONTINUE;
}

/* --- life --- */

static gboolean
watch_groups (Live *self, GError **error)
{
  const LiveOptions *options = self->options;
  LiveBackend cloud =
      g_str_equal (options->settings.frames.servers, options->settings.events.servers)
          ? LIVE_BACKENDS
          : LIVE_CLOUD_KAFKA;

  self->fog =
      live_group_new (&options->settings.frames, self->model, LIVE_CAMERA_TOPIC, LIVE_KAFKA, error);
  if (self->fog)
    self->cloud =
        live_group_new (&options->settings.events, self->model, LIVE_EVENT_TOPIC, cloud, error);
  return self->cloud != NULL;
}

static void
read_topics (Live *self)
{
  self->frames = live_topic_new (&self->options->settings.frames, take_frame, self);
  self->events = live_topic_new (&self->options->settings.events, take_event, self);
  self->reports = live_topic_new (&self->options->settings.reports, take_report, self);
  live_topic_set_reading (self->events, TRUE);
  live_topic_set_reading (self->reports, TRUE);
}

static LiveClips *
make_clips (const Live *self)
{
  g_autofree gchar *program = live_clips_find_program ();
  const LiveClipBounds bounds = {
      program, self->options->blur, LIVE_CLIP_TIME, LIVE_CLIP_SIZE, LIVE_CLIP_MEMORY};

  return live_clips_new (&bounds);
}

static gboolean
start (Live *self, GError **error)
{
  const LiveBrokers brokers = live_options_get_brokers (self->options);

  self->model = live_model_new (&brokers, live_blur_name (self->options->blur), now_ms ());
  self->api = (LiveApi){
      .options = self->options,
      .model = self->model,
      .travel = live_travel_new (self->options, self->model),
      .database = live_database_new (self->options, self->model, error),
      .clips = make_clips (self),
      .cascades = haar_cascade_list_installed (),
  };
  if (!self->api.database)
    return FALSE;
  if (self->options->control >= 0) {
    self->api.control = live_control_new (self->options->control, self->model, error);
    if (!self->api.control)
      return FALSE;
  }
  self->http = live_http_new (self->options, &self->api, error);
  if (!self->http || !watch_groups (self, error))
    return FALSE;
  read_topics (self);
  return TRUE;
}

static void
stop (Live *self)
{
  g_clear_pointer (&self->http, live_http_free);
  g_clear_pointer (&self->api.control, live_control_free);
  g_clear_pointer (&self->frames, live_topic_free);
  g_clear_pointer (&self->events, live_topic_free);
  g_clear_pointer (&self->reports, live_topic_free);
  g_clear_pointer (&self->fog, live_group_free);
  g_clear_pointer (&self->cloud, live_group_free);
  g_clear_pointer (&self->api.database, live_database_free);
  g_clear_pointer (&self->api.travel, live_travel_free);
  g_clear_pointer (&self->api.clips, live_clips_unref);
  g_clear_pointer (&self->api.cascades, g_strfreev);
  g_clear_pointer (&self->model, live_model_free);
}

static void
run (Live *self)
{
  g_autofree gchar *address = live_http_make_address (self->http);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  g_print ("live: %s\n", address);
  live_loop_run (loop, TICK, tick, self);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Live self = {0};

  setlocale (LC_ALL, "");
  self.options = live_options_parse (&argc, &argv, &error);
  if (!self.options) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  gst_kafka_meta_register ();
  if (start (&self, &error))
    run (&self);
  else
    g_printerr ("%s\n", error->message);
  stop (&self);
  live_options_free (self.options);
  return error ? 1 : 0;
}
