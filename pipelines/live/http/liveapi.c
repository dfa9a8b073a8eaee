/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveapi.h"

#include <string.h>

#include "livejson.h"
#include "model/livename.h"
#include "pictures/livepicture.h"
#include "pictures/liverecount.h"
#include "sources/livezones.h"

/* Time in ms for which frames are read after a request for pictures. */
#define LOOK_TIME 10000
/* Largest number of cameras in a request for pictures. */
#define LOOK_CAMERAS 256
/* Longest window of time travel, s. */
#define MAX_SPAN 10.0
/* Latest time (ms since the Unix epoch) in a request: a time in the year 2223, so that it fits into
 * 64 bits also in ns. */
#define MAX_TIME G_GINT64_CONSTANT (8000000000000)

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

static LiveReply
get_health (LiveApi *api, const LiveRequest *request)
{
  g_autofree gchar *trouble = live_model_dup_trouble (api->model);
  g_autofree gchar *text =
      trouble ? g_strdup_printf ("Kafka does not answer: %s\n", trouble) : NULL;

  return live_reply_text (text ? 503 : 200, text ? text : "ok\n");
}

static LiveReply
get_state (LiveApi *api, const LiveRequest *request)
{
  return live_reply_json (live_model_make_state (api->model, now_ms ()));
}

static LiveReply
get_history (LiveApi *api, const LiveRequest *request)
{
  return live_reply_json (live_model_make_history (api->model));
}

/* Answers `ok` even if Kafka doesn't answer, because the orchestrator restarts the server if this
 * path fails, and a restart wouldn't help against a missing Kafka. */
static LiveReply
get_life (LiveApi *api, const LiveRequest *request)
{
  return live_reply_text (200, "ok\n");
}

static LiveReply
get_metrics (LiveApi *api, const LiveRequest *request)
{
  gchar *text = live_model_make_metrics (api->model, api->options, now_ms ());

  return (LiveReply){200, "text/plain; version=0.0.4; charset=utf-8",
      g_bytes_new_take (text, strlen (text)), NULL};
}

static LiveReply
get_look (LiveApi *api, const LiveRequest *request)
{
  GUriParamsIter iter;
  gchar *name, *value;
  guint n = 0;

  g_uri_params_iter_init (&iter, request->query, -1, "&", G_URI_PARAMS_WWW_FORM);
  while (g_uri_params_iter_next (&iter, &name, &value, NULL)) {
    if (g_str_equal (name, "camera") && n++ < LOOK_CAMERAS)
      live_model_look (api->model, value, now_ms () + LOOK_TIME);
    g_free (name);
    g_free (value);
  }
  if (n == 0)
    return live_reply_error (400, "Name at least one camera.");
  return (LiveReply){204};
}

/* --- frames --- */

/* Returns a reply with the HTTP status for @error, an error of reading or decoding a frame. */
static LiveReply
reply_to (const GError *error)
{
  guint status = 502;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    status = 404;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    status = 415;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT) ||
           g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
    status = 422;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY))
    status = 409;
  return live_reply_error (status, "%s", error->message);
}

static gboolean
read_place (const LiveRequest *request, LivePlace *place)
{
  gint64 partition;

  *place = (LivePlace){.topic = live_form_get (request->query, "topic")};
  if (!place->topic || !live_form_get_int (request->query, "partition", 0, G_MAXINT32, &partition))
    return FALSE;
  place->partition = (gint) partition;
  return live_form_get_int (request->query, "offset", 0, G_MAXINT64 - 1, &place->offset);
}

/* The ETag contains the frame's position, the blur, and whether the fog has counted the frame,
 * because a picture changes only when its faces are known and can be blurred. */
static gchar *
make_etag (LiveApi *api, const LiveFrame *frame, const LiveAnswer *answer)
{
  return g_strdup_printf ("\"%d-%" G_GINT64_FORMAT "-%s%s\"", frame->place.partition,
      frame->place.offset, live_blur_name (api->options->blur), answer ? "-counted" : "");
}

static LiveReply
reply_with_picture (
    LiveApi *api, const LiveRequest *request, LiveFrame *frame, const LiveAnswer *answer)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) run = NULL;
  LiveReply reply = {200, NULL, NULL, make_etag (api, frame, answer)};

  if (g_strcmp0 (reply.etag, request->etag) == 0) {
    reply.status = 304;
    return reply;
  }
  run = live_travel_find_run (api->travel, frame, &error);
  if (run)
    reply.body = live_picture_make (run, answer, api->options->blur, &reply.type, &error);
  if (reply.body)
    return reply;
  live_reply_clear (&reply);
  return reply_to (error);
}

static LiveReply
get_picture (LiveApi *api, const LiveRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LiveFrame) frame = NULL;
  g_autoptr (LiveAnswer) answer = NULL;
  LivePlace place;

  if (!read_place (request, &place)) {
    live_place_clear (&place);
    return live_reply_error (400, "The request needs topic, partition and offset of a frame.");
  }
  frame = live_travel_find (api->travel, &place, &answer, &error);
  live_place_clear (&place);
  return frame ? reply_with_picture (api, request, frame, answer) : reply_to (error);
}

static LiveReply
get_travel (LiveApi *api, const LiveRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *camera = live_form_get (request->query, "camera");
  g_autofree gchar *span_text = live_form_get (request->query, "span");
  gdouble span = span_text ? g_ascii_strtod (span_text, NULL) : 2;
  gint64 at = 0;
  GBytes *json;

  if (!live_name_is_usable (camera))
    return live_reply_error (400, "The request needs the camera's name.");
  live_form_get_int (request->query, "at", 1, MAX_TIME, &at);
  json = live_travel_make_window (
      api->travel, camera, at, (gint64) (CLAMP (span, 0.1, MAX_SPAN) * 1000), &error);
  return json ? live_reply_json (json) : reply_to (error);
}

/* --- counting again --- */

static LiveReply
get_cascades (LiveApi *api, const LiveRequest *request)
{
  JsonBuilder *json = live_json_new ();

  live_json_open_list (json, "cascades");
  for (guint i = 0; api->cascades[i]; i++)
    json_builder_add_string_value (json, api->cascades[i]);
  json_builder_end_array (json);
  return live_reply_json (live_json_end (json));
}

static LiveReply
post_recount (LiveApi *api, const LiveRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LiveFrame) frame = NULL;
  g_autoptr (LiveAnswer) answer = NULL;
  g_autoptr (GPtrArray) run = NULL;
  const gchar *text = g_bytes_get_data (request->body, NULL);
  LiveBrokers brokers = live_options_get_brokers (api->options);
  LiveRecount recount;
  GBytes *json = NULL;

  if (live_recount_parse (&recount, text, g_bytes_get_size (request->body),
          (const gchar *const *) api->cascades, &error))
    frame = live_travel_find (api->travel, &recount.place, &answer, &error);
  if (frame)
    run = live_travel_find_run (api->travel, frame, &error);
  if (run)
    json = live_recount_run (&recount, run, &brokers.frames, &error);
  live_recount_clear (&recount);
  return json ? live_reply_json (json) : reply_to (error);
}

/* --- clips --- */

static LiveReply
post_clip (LiveApi *api, const LiveRequest *request)
{
  g_autoptr (GError) error = NULL;
  const gchar *text = g_bytes_get_data (request->body, NULL);
  LiveReply reply = {.status = 200};
  LiveClip clip;

  if (live_clip_parse (&clip, text, g_bytes_get_size (request->body), &error)) {
    reply.type = live_clip_get_type (&clip);
    reply.body = live_clips_make (api->clips, &clip, request->gone, &reply.notes, &error);
  }
  live_clip_clear (&clip);
  if (reply.body)
    return reply;
  live_reply_clear (&reply);
  return reply_to (error);
}

/* --- the database --- */

static gboolean
read_documents_query (const LiveRequest *request, LiveDocumentsQuery *query)
{
  g_autofree gchar *unit = live_form_get (request->query, "unit");
  gboolean hours = g_strcmp0 (unit, "hour") == 0;

  query->unit = hours ? 3600000 : 60000;
  query->unit_name = hours ? "hour" : "minute";
  return (hours || g_strcmp0 (unit, "minute") == 0) &&
         live_form_get_int (request->query, "from", 0, MAX_TIME, &query->from) &&
         live_form_get_int (request->query, "to", 0, MAX_TIME, &query->to);
}

static LiveReply
get_documents (LiveApi *api, const LiveRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *camera = live_form_get (request->query, "camera");
  LiveDocumentsQuery query = {.camera = camera && *camera ? camera : NULL};
  GBytes *json;

  if (!read_documents_query (request, &query))
    return live_reply_error (
        400, "The request needs from and to, in ms, and unit, minute or hour.");
  json = live_database_make_documents (api->database, &query, &error);
  return json ? live_reply_json (json) : reply_to (error);
}

/* --- zones --- */

static LiveReply
get_zones (LiveApi *api, const LiveRequest *request)
{
  g_autoptr (GError) error = NULL;
  GBytes *json = live_zones_make (api->options->zones_file, &error);

  return json ? live_reply_json (json) : reply_to (error);
}

static LiveReply
post_zones (LiveApi *api, const LiveRequest *request)
{
  g_autoptr (GError) error = NULL;
  const gchar *text = g_bytes_get_data (request->body, NULL);

  if (!live_zones_save (api->options->zones_file, text, g_bytes_get_size (request->body), &error))
    return reply_to (error);
  return get_zones (api, request);
}

/* --- the demo --- */

static LiveReply
post_do (LiveApi *api, const LiveRequest *request)
{
  g_autoptr (GError) error = NULL;
  const gchar *text = g_bytes_get_data (request->body, NULL);

  if (!live_control_ask (api->control, text, g_bytes_get_size (request->body), &error))
    return reply_to (error);
  return (LiveReply){204};
}

/* Returns FALSE for actions that change the system and weren't allowed by an option at the
 * start. */
static gboolean
is_offered (const LiveApi *self, const LiveRoute *route)
{
  if (route->func == post_do)
    return self->control != NULL;
  return route->func != post_zones || self->options->zones_file;
}

const LiveRoute *
live_api_find (const LiveApi *self, const gchar *path)
{
  static const LiveRoute routes[] = {
      {"/livez", "GET", get_life, LIVE_HERE},
      {"/healthz", "GET", get_health, LIVE_HERE},
      {"/metrics", "GET", get_metrics, LIVE_HERE},
      {"/api/state", "GET", get_state, LIVE_HERE},
      {"/api/history", "GET", get_history, LIVE_HERE},
      {"/api/look", "GET", get_look, LIVE_HERE},
      {"/api/cascades", "GET", get_cascades, LIVE_HERE},
      {"/api/picture", "GET", get_picture, LIVE_JOB},
      {"/api/travel", "GET", get_travel, LIVE_JOB},
      {"/api/documents", "GET", get_documents, LIVE_JOB},
      {"/api/recount", "POST", post_recount, LIVE_COUNT},
      {"/api/clip", "POST", post_clip, LIVE_CLIP},
      {"/api/do", "POST", post_do, LIVE_HERE},
      {"/api/zones", "GET", get_zones, LIVE_HERE},
      {"/api/zones/save", "POST", post_zones, LIVE_HERE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (g_str_equal (routes[i].path, path) && is_offered (self, &routes[i]))
      return &routes[i];
  return NULL;
}
