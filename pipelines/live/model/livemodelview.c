/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "livecamera.h"
#include "livejson.h"
#include "livemodelprivate.h"

/* Number of a camera's newest frames among which one with an answer is searched. */
#define CANDIDATES 60
/* Largest age difference (ms) by which a frame with an answer may be older than the newest frame
 * and is shown instead of it. */
#define OLD_ANSWER 3000

/* Sums and counts over all replicas. */
typedef struct {
  guint good, silent;
  const LiveReplica *last_silent;
  gdouble rate, capacity, waiting, p50, p95;
} Fog;

typedef struct {
  guint n, stopped;
  const LiveCamera *first_stopped, *shared; /* NULL: none */
  gdouble faces;
  gint64 answered; /* time of the newest counted frame of all cameras; 0: none */
  /* time (s) for which all cameras may send no frame because their pictures stand still */
  gdouble rest;
} Cameras;

/* all functions below are called with self->lock */
static Fog
sum_up_fog (LiveModel *self)
{
  Fog fog = {.p50 = NAN, .p95 = NAN};
  gdouble weights = 0, sum = 0;
  GHashTableIter iter;
  LiveReplica *replica;

  g_hash_table_iter_init (&iter, self->replicas);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &replica)) {
    if (replica->state == LIVE_REPLICA_SILENT) {
      fog.silent++;
      if (!fog.last_silent || replica->since > fog.last_silent->since)
        fog.last_silent = replica;
    }
    if (replica->state != LIVE_REPLICA_GOOD)
      continue;
    fog.good++;
    fog.rate += replica->rate;
    fog.capacity += isfinite (replica->capacity) ? replica->capacity : 0;
    fog.waiting += (gdouble) replica->lag;
    if (isfinite (replica->p50)) {
      sum += replica->p50 * MAX (replica->rate, 0.001);
      weights += MAX (replica->rate, 0.001);
    }
    if (isfinite (replica->p95))
      fog.p95 = isfinite (fog.p95) ? MAX (fog.p95, replica->p95) : replica->p95;
  }
  if (weights > 0)
    fog.p50 = sum / weights;
  return fog;
}

static Cameras
sum_up_cameras (LiveModel *self, gint64 now)
{
  Cameras all = {.rest = G_MAXDOUBLE};
  GHashTableIter iter;
  LiveCamera *camera;

  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &camera)) {
    all.n++;
    all.answered = MAX (all.answered, camera->answered);
    if (live_senders_are_two (&camera->senders, now))
      all.shared = camera;
    if (camera->health != LIVE_CAMERA_STOPPED) {
      all.faces += camera->faces;
      all.rest = MIN (all.rest, camera->still_interval);
      continue;
    }
    all.stopped++;
    if (!all.first_stopped || camera->since < all.first_stopped->since)
      all.first_stopped = camera;
  }
  if (all.n == all.stopped)
    all.rest = 0;
  return all;
}

static gdouble
seconds_since (gint64 then, gint64 now)
{
  return MAX ((gdouble) (now - then) / 1000, 0);
}

/* Returns the number of frames that wait for the fog, from the replicas' reports, or, without
 * reports, from the lag of the consumer group. */
static gint64
frames_waiting (LiveModel *self, const Fog *fog)
{
  return fog->good ? (gint64) fog->waiting : self->backlogs[LIVE_CAMERA_TOPIC].waiting;
}

static gdouble
frames_lag (LiveModel *self, const Fog *fog)
{
  if (fog->good && fog->rate > 0)
    return fog->waiting / fog->rate;
  return self->backlogs[LIVE_CAMERA_TOPIC].lag;
}

static LiveMissing
missing_of (LiveModel *self, LiveTopicRole topic, gint64 now)
{
  return (LiveMissing){self->missing[topic], seconds_since (self->missing_since[topic], now)};
}

static LiveSummary
make_summary (LiveModel *self, const Fog *fog, const Cameras *cameras, gint64 now)
{
  const LiveBacklog *events = &self->backlogs[LIVE_EVENT_TOPIC];

  return (LiveSummary){
      .kafka_trouble = self->trouble[LIVE_KAFKA],
      .kafka_away = seconds_since (self->server_since[LIVE_KAFKA], now),
      .database_trouble = self->trouble[LIVE_DATABASE],
      .database_away = seconds_since (self->server_since[LIVE_DATABASE], now),
      .frames = missing_of (self, LIVE_CAMERA_TOPIC, now),
      .events = missing_of (self, LIVE_EVENT_TOPIC, now),
      .cameras = cameras->n,
      .stopped = cameras->stopped,
      .stopped_camera = cameras->first_stopped ? cameras->first_stopped->name : NULL,
      .stopped_for =
          cameras->first_stopped ? seconds_since (cameras->first_stopped->since, now) : NAN,
      .shared_name = cameras->shared ? cameras->shared->name : NULL,
      .replicas = fog->good,
      .silent = fog->silent,
      .silent_replica = fog->last_silent ? fog->last_silent->name : NULL,
      .silent_for = fog->last_silent ? seconds_since (fog->last_silent->heard, now) : NAN,
      .rest = cameras->rest,
      .newest = cameras->answered ? seconds_since (cameras->answered, now) : NAN,
      .waiting_frames = frames_waiting (self, fog),
      .frames_lag = frames_lag (self, fog),
      .waiting_events = events->waiting,
      .events_lag = events->lag,
  };
}

void
live_model_judge (LiveModel *self, gint64 now)
{
  Fog fog = sum_up_fog (self);
  Cameras cameras = sum_up_cameras (self, now);
  LiveSummary summary = make_summary (self, &fog, &cameras, now);
  LiveLevel before = self->level;
  gdouble *sample = self->sample;

  g_free (self->sentence);
  self->level = live_sentence (&summary, &self->sentence);
  if (self->level != before)
    self->since = now;
  sample[LIVE_SAMPLE_TIME] = (gdouble) now;
  sample[LIVE_SAMPLE_FACES] = cameras.faces;
  sample[LIVE_SAMPLE_RATE] = fog.rate;
  sample[LIVE_SAMPLE_CAPACITY] = fog.capacity;
  sample[LIVE_SAMPLE_WAITING] = summary.waiting_frames < 0 ? NAN : (gdouble) summary.waiting_frames;
  sample[LIVE_SAMPLE_P50] = fog.p50;
  sample[LIVE_SAMPLE_P95] = fog.p95;
  sample[LIVE_SAMPLE_REPLICAS] = fog.good;
}

/* --- frames --- */

/* The frame of a camera that is shown, with the fog's answer about it. */
typedef struct {
  LiveFrame *frame; /* NULL: none */
  LiveAnswer *answer;
  gboolean counted;
} Shown;

static void
shown_clear (Shown *shown)
{
  g_clear_pointer (&shown->frame, live_frame_unref);
}

/* Returns the camera's newest counted frame, or, if that frame is too old, the newest frame. */
static Shown
choose_frame (LiveModel *self, const LiveCamera *camera)
{
  g_autoptr (GPtrArray) list = live_frames_list (self->frames, camera->name, CANDIDATES);
  gint64 settled = live_camera_get_settled (camera, 0);
  Shown shown = {0};

  for (guint i = 0; i < list->len; i++) {
    LiveFrame *frame = g_ptr_array_index (list, i), *newest = g_ptr_array_index (list, 0);

    if (newest->captured - frame->captured > OLD_ANSWER)
      break;
    shown.answer = frame->id ? g_hash_table_lookup (self->answers, frame->id) : NULL;
    shown.counted = shown.answer || frame->captured <= settled;
    if (shown.counted) {
      shown.frame = live_frame_ref (frame);
      return shown;
    }
  }
  if (list->len)
    shown.frame = live_frame_ref (g_ptr_array_index (list, 0));
  return shown;
}

static void
shown_to_json (LiveModel *self, const Shown *shown, JsonBuilder *json)
{
  live_frame_to_json (shown->frame, shown->answer, shown->counted, &self->brokers, json);
}

static gboolean
is_news (LiveModel *self, const LiveCamera *camera, const Shown *shown)
{
  gchar *now = g_strdup_printf ("%d:%" G_GINT64_FORMAT ":%d", shown->frame->place.partition,
      shown->frame->place.offset, shown->counted);

  if (g_strcmp0 (g_hash_table_lookup (self->shown, camera->name), now) == 0) {
    g_free (now);
    return FALSE;
  }
  g_hash_table_replace (self->shown, g_strdup (camera->name), now);
  return TRUE;
}

static guint
add_frame (LiveModel *self, const LiveCamera *camera, JsonBuilder *json)
{
  Shown shown = choose_frame (self, camera);
  gboolean news = shown.frame && is_news (self, camera, &shown);

  if (news) {
    live_json_open_object (json, camera->name);
    shown_to_json (self, &shown, json);
    json_builder_end_object (json);
  }
  shown_clear (&shown);
  return news;
}

GBytes *
live_model_make_frames (LiveModel *self, gint64 now)
{
  JsonBuilder *json = live_json_new ();
  g_autoptr (GBytes) text = NULL;
  GHashTableIter iter;
  const gchar *name;
  guint n = 0;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->looks);
  while (g_hash_table_iter_next (&iter, (gpointer *) &name, NULL)) {
    LiveCamera *camera = g_hash_table_lookup (self->cameras, name);

    if (camera)
      n += add_frame (self, camera, json);
  }
  g_mutex_unlock (&self->lock);
  text = live_json_end (json);
  return n ? g_steal_pointer (&text) : NULL;
}

/* --- the state --- */

static void
server_to_json (LiveModel *self, LiveBackend server, const gchar *name, JsonBuilder *json)
{
  const gchar *trouble = self->trouble[server];

  live_json_open_object (json, name);
  live_json_text (json, "state", trouble ? "away" : "good");
  live_json_time (json, "since", self->server_since[server]);
  live_json_text (json, "text", trouble ? trouble : "");
  json_builder_end_object (json);
}

/* Adds the state of each server. If both topics are in one Kafka, only that one is asked. */
static void
servers_to_json (LiveModel *self, JsonBuilder *json)
{
  gboolean one = g_strcmp0 (self->brokers.frames.servers, self->brokers.events.servers) == 0;

  live_json_open_object (json, "servers");
  server_to_json (self, LIVE_KAFKA, "kafka", json);
  server_to_json (self, one ? LIVE_KAFKA : LIVE_CLOUD_KAFKA, "cloud-kafka", json);
  server_to_json (self, LIVE_DATABASE, "database", json);
  json_builder_end_object (json);
}

static void
camera_to_json (LiveModel *self, const LiveCamera *camera, gint64 now, JsonBuilder *json)
{
  Shown shown = {0};
  const gchar *reason, *bound = live_camera_get_bound (camera, now, &reason);
  gdouble age = camera->answered ? seconds_since (camera->answered, now) : (gdouble) NAN;

  json_builder_begin_object (json);
  live_json_text (json, "camera", camera->name);
  live_json_text (
      json, "health", self->trouble[LIVE_KAFKA] ? "unknown" : live_health_name (camera->health));
  live_json_time (json, "since", camera->since);
  live_json_number (json, "age", age);
  live_json_number (json, "wanted", camera->wanted > 0 ? camera->wanted : NAN);
  live_json_number (json, "given", camera->given);
  live_json_number (json, "minimum", camera->wanted > 0 ? camera->minimum : NAN);
  live_json_number (json, "weight", camera->weight);
  live_json_text (json, "bound", bound);
  live_json_text (json, "reason", reason);
  live_json_number (json, "faces", camera->answered ? camera->faces : (gdouble) NAN);
  if (g_hash_table_contains (self->looks, camera->name))
    shown = choose_frame (self, camera);
  if (shown.frame) {
    live_json_open_object (json, "frame");
    shown_to_json (self, &shown, json);
    json_builder_end_object (json);
  } else {
    live_json_text (json, "frame", NULL);
  }
  json_builder_end_object (json);
  shown_clear (&shown);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const gchar *const *) a, *(const gchar *const *) b);
}

/* Returns: (transfer container): the keys of @table in alphabetical order. */
static GPtrArray *
sorted_names (GHashTable *table)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, name);
  g_ptr_array_sort (names, compare_names);
  return names;
}

static void
cameras_to_json (LiveModel *self, gint64 now, JsonBuilder *json)
{
  g_autoptr (GPtrArray) names = sorted_names (self->cameras);

  live_json_open_list (json, "cameras");
  for (guint i = 0; i < names->len; i++)
    camera_to_json (
        self, g_hash_table_lookup (self->cameras, g_ptr_array_index (names, i)), now, json);
  json_builder_end_array (json);
}

static void
replicas_to_json (LiveModel *self, gint64 now, JsonBuilder *json)
{
  g_autoptr (GPtrArray) names = sorted_names (self->replicas);

  live_json_open_list (json, "replicas");
  for (guint i = 0; i < names->len; i++)
    live_replica_to_json (
        g_hash_table_lookup (self->replicas, g_ptr_array_index (names, i)), now, json);
  json_builder_end_array (json);
}

static void
arrow_to_json (JsonBuilder *json, const gchar *from, const gchar *to, gdouble rate, gint64 waiting,
    gdouble lag)
{
  json_builder_begin_object (json);
  live_json_text (json, "from", from);
  live_json_text (json, "to", to);
  live_json_number (json, "rate", rate);
  live_json_number (json, "waiting", waiting < 0 ? NAN : (gdouble) waiting);
  live_json_number (json, "lag", lag);
  json_builder_end_object (json);
}

static void
flow_to_json (LiveModel *self, JsonBuilder *json)
{
  const LiveBacklog *frames = &self->backlogs[LIVE_CAMERA_TOPIC];
  const LiveBacklog *events = &self->backlogs[LIVE_EVENT_TOPIC];
  Fog fog = sum_up_fog (self);

  live_json_open_list (json, "flow");
  arrow_to_json (json, "cameras", "camera", frames->rate, -1, self->frame_way);
  arrow_to_json (json, "camera", "fog", fog.good ? fog.rate : (gdouble) NAN,
      frames_waiting (self, &fog), frames_lag (self, &fog));
  arrow_to_json (json, "fog", "database topic", events->rate, -1, self->event_way);
  arrow_to_json (json, "database topic", "database", events->rate, events->waiting, events->lag);
  json_builder_end_array (json);
}

/* Adds the list of the topics that don't exist, by their names in the flow. */
static void
missing_to_json (LiveModel *self, JsonBuilder *json)
{
  static const gchar *const names[] = {"camera", "database topic"};

  live_json_open_list (json, "missing");
  for (guint i = 0; i < LIVE_TOPICS; i++)
    if (self->missing[i])
      json_builder_add_string_value (json, names[i]);
  json_builder_end_array (json);
}

/* Adds the list of the actions that viewers can cause, or null. */
static void
actions_to_json (LiveModel *self, JsonBuilder *json)
{
  json_builder_set_member_name (json, "actions");
  json_builder_add_value (
      json, self->actions ? json_node_copy (self->actions) : json_node_new (JSON_NODE_NULL));
}

GBytes *
live_model_make_state (LiveModel *self, gint64 now)
{
  JsonBuilder *json = live_json_new ();

  g_mutex_lock (&self->lock);
  if (!self->sentence)
    live_model_judge (self, now);
  live_json_time (json, "now", now);
  live_json_text (json, "version", PACKAGE_VERSION);
  live_json_text (json, "blur", self->blur);
  live_json_text (json, "sentence", self->sentence);
  live_json_text (json, "level", live_level_name (self->level));
  live_json_time (json, "since", self->since);
  servers_to_json (self, json);
  cameras_to_json (self, now, json);
  replicas_to_json (self, now, json);
  flow_to_json (self, json);
  missing_to_json (self, json);
  actions_to_json (self, json);
  live_json_int (json, "ignored", (gint64) self->ignored);
  live_json_int (json, "unreadable", (gint64) self->unreadable);
  json_builder_set_member_name (json, "sample");
  live_sample_to_json (self->sample, json);
  g_mutex_unlock (&self->lock);
  return live_json_end (json);
}

GBytes *
live_model_make_history (LiveModel *self)
{
  JsonBuilder *json = live_json_new ();

  g_mutex_lock (&self->lock);
  live_history_to_json (self->history, json);
  g_mutex_unlock (&self->lock);
  return live_json_end (json);
}

GBytes *
live_model_take_mark (LiveModel *self)
{
  GBytes *text;

  g_mutex_lock (&self->lock);
  text = live_history_take_mark (self->history);
  g_mutex_unlock (&self->lock);
  return text;
}
