/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livemodel.h"

#include <math.h>

#include "livecamera.h"
#include "livehistory.h"
#include "livejson.h"
#include "livemodelprivate.h"
#include "livename.h"

/* Limits of what is remembered, because names from the network must not fill the memory. */
#define MAX_CAMERAS 1024
#define MAX_REPLICAS 1024
#define MAX_ANSWERS 4096
#define FRAME_BYTES (64 * 1024 * 1024)
/* Time (ms) after which a camera that has stopped is forgotten. */
#define FORGOTTEN 600000
/* Time (ms) without a frame after which a camera may be displaced by a new camera. */
#define DISPLACED 5000
/* Time (ms) for which frames must have been read before a missing frame counts as silence of the
 * camera. */
#define READING 2500
/* Time (ms) within which clients reconnect when Kafka answers again: librdkafka waits up to 10 s
 * between two attempts to connect. */
#define RECONNECT 10000
#define SAMPLE_TIME 1000 /* ms */
/* If more than this time (ms) passes between two ticks, which come twice a second, the clock was
 * set forward, or the process was stopped. */
#define CLOCK_STEP 5000

LiveModel *
live_model_new (const LiveBrokers *brokers, const gchar *blur, gint64 now)
{
  LiveModel *self = g_new0 (LiveModel, 1);

  g_mutex_init (&self->lock);
  self->brokers = *brokers;
  self->blur = g_strdup (blur);
  self->cameras =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) live_camera_free);
  self->replicas =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) live_replica_free);
  self->looks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->shown = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->answers = g_hash_table_new (g_str_hash, g_str_equal);
  g_queue_init (&self->answer_order);
  self->frames = live_frames_new (FRAME_BYTES);
  self->history = live_history_new ();
  self->since = now;
  for (guint i = 0; i < LIVE_BACKENDS; i++)
    self->server_since[i] = now;
  for (guint i = 0; i < LIVE_TOPICS; i++)
    self->backlogs[i] = (LiveBacklog){-1, NAN, NAN};
  self->frame_way = self->event_way = NAN;
  return self;
}

void
live_model_free (LiveModel *self)
{
  g_hash_table_unref (self->answers);
  g_queue_clear_full (&self->answer_order, (GDestroyNotify) live_answer_unref);
  g_hash_table_unref (self->shown);
  g_hash_table_unref (self->looks);
  g_hash_table_unref (self->replicas);
  g_hash_table_unref (self->cameras);
  live_frames_free (self->frames);
  live_history_free (self->history);
  for (guint i = 0; i < LIVE_BACKENDS; i++)
    g_free (self->trouble[i]);
  for (guint i = 0; i < LIVE_TOPICS; i++)
    g_free (self->missing[i]);
  g_clear_pointer (&self->actions, json_node_unref);
  g_free (self->sentence);
  g_free (self->blur);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void G_GNUC_PRINTF (4, 5)
    mark (LiveModel *self, gint64 now, const gchar *kind, const gchar *format, ...)
{
  g_autofree gchar *text = NULL, *visible = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  visible = live_name_make_visible (text);
  g_info ("%s: %s", kind, visible);
  live_history_mark (self->history, now, kind, visible);
}

/* Removes the camera that has been silent for longest, if it has been silent for DISPLACED, so that
 * a new camera can be added. */
static gboolean
displace_camera (LiveModel *self, gint64 now)
{
  LiveCamera *quietest = NULL, *camera;
  GHashTableIter iter;

  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &camera))
    if (!quietest || camera->active < quietest->active)
      quietest = camera;
  if (!quietest || now - quietest->active < DISPLACED)
    return FALSE;
  self->ignored++;
  g_hash_table_remove (self->shown, quietest->name);
  g_hash_table_remove (self->cameras, quietest->name);
  return TRUE;
}

/* Returns: (nullable): the camera @name, which is added if it isn't known; NULL if the name can't
 * be shown, or there are too many cameras. */
static LiveCamera *
ensure_camera (LiveModel *self, const gchar *name, gint64 now)
{
  LiveCamera *camera = name ? g_hash_table_lookup (self->cameras, name) : NULL;

  if (camera)
    return camera;
  if (!live_name_is_usable (name) ||
      (g_hash_table_size (self->cameras) >= MAX_CAMERAS && !displace_camera (self, now))) {
    self->ignored++;
    return NULL;
  }
  camera = live_camera_new (name, now);
  g_hash_table_insert (self->cameras, camera->name, camera);
  mark (self, now, "camera", "%s appeared", name);
  return camera;
}

/* --- what comes in --- */

static LiveReplica *
ensure_replica (LiveModel *self, const gchar *name, gint64 now)
{
  LiveReplica *replica = g_hash_table_lookup (self->replicas, name);

  if (replica)
    return replica;
  if (g_hash_table_size (self->replicas) >= MAX_REPLICAS) {
    self->ignored++;
    return NULL;
  }
  replica = live_replica_new (name, now);
  g_hash_table_insert (self->replicas, replica->name, replica);
  mark (self, now, "replica", "%s joined", name);
  return replica;
}

static void
note_replica (LiveModel *self, const LiveReplica *replica, LiveReplicaState before, gint64 now)
{
  if (replica->state == before)
    return;
  mark (self, now, "replica", replica->state == LIVE_REPLICA_LEAVING ? "%s leaves" : "%s is back",
      replica->name);
}

static void
tell_cameras (LiveModel *self, const FogReport *report, gint64 now)
{
  g_autoptr (GHashTable) listed = g_hash_table_new (NULL, NULL);
  GHashTableIter iter;
  LiveCamera *camera;

  for (guint i = 0; i < report->cameras->len; i++) {
    FogReportCamera *own = g_ptr_array_index (report->cameras, i);

    /* A camera that is listed without frames isn't added, because reports still list a camera for a
     * while after it was forgotten. */
    camera = own->frames ? ensure_camera (self, own->camera, now)
                         : g_hash_table_lookup (self->cameras, own->camera);
    if (camera)
      g_hash_table_insert (listed, camera, own);
  }
  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &camera))
    live_camera_take_report (camera, report, g_hash_table_lookup (listed, camera), now);
}

void
live_model_take_report (LiveModel *self, const FogReport *report, gint64 now)
{
  LiveReplica *replica;
  LiveReplicaState before;

  g_mutex_lock (&self->lock);
  replica = ensure_replica (self, report->replica, now);
  if (replica) {
    before = replica->state;
    if (live_replica_learn (replica, report, now)) {
      note_replica (self, replica, before, now);
      tell_cameras (self, report, now);
    }
  }
  g_mutex_unlock (&self->lock);
}

/* With self->lock. Remembers an answer that isn't remembered yet. */
static void
remember_answer (LiveModel *self, LiveAnswer *answer)
{
  g_queue_push_tail (&self->answer_order, live_answer_ref (answer));
  g_hash_table_insert (self->answers, answer->id, answer);
  if (self->answer_order.length > MAX_ANSWERS) {
    LiveAnswer *oldest = g_queue_pop_head (&self->answer_order);

    g_hash_table_remove (self->answers, oldest->id);
    live_answer_unref (oldest);
  }
}

/* Updates @way, a moving mean of the time (s) from the moment @from until a message arrives
 * here. */
static void
learn_way (gdouble *way, gint64 from, gint64 to)
{
  gdouble seconds = MAX ((gdouble) (to - from) / 1000, 0);

  if (from > 0)
    *way = isfinite (*way) ? *way + (seconds - *way) / 8 : seconds;
}

void
live_model_take_answer (LiveModel *self, LiveAnswer *answer, gint64 now)
{
  LiveCamera *camera;
  gboolean again;

  g_mutex_lock (&self->lock);
  camera = ensure_camera (self, answer->camera, now);
  if (camera) {
    again = g_hash_table_contains (self->answers, answer->id);
    live_camera_take_answer (camera, answer, again, now);
    if (!again)
      remember_answer (self, answer);
    learn_way (&self->event_way, answer->processed, now);
  }
  g_mutex_unlock (&self->lock);
}

void
live_model_take_frame (LiveModel *self, LiveFrame *frame, gint64 now)
{
  LiveCamera *camera;

  g_mutex_lock (&self->lock);
  camera = ensure_camera (self, frame->camera, now);
  if (camera) {
    live_camera_see (camera, frame->session, frame->seq, frame->captured, now);
    learn_way (&self->frame_way, frame->captured, now);
  }
  g_mutex_unlock (&self->lock);
  if (camera)
    live_frames_add (self->frames, frame);
}

/* With self->lock. Lets the silence of all cameras and replicas begin now, after Kafka didn't
 * answer: no messages came in that time, and each client needs time to connect again. */
static void
forgive_silence (LiveModel *self, gint64 now)
{
  GHashTableIter iter;
  LiveCamera *camera;
  LiveReplica *replica;

  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &camera))
    camera->active = now + RECONNECT;
  g_hash_table_iter_init (&iter, self->replicas);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &replica))
    replica->heard = now;
}

void
live_model_set_trouble (LiveModel *self, LiveBackend server, const gchar *trouble, gint64 now)
{
  static const gchar *const kinds[] = {"kafka", "kafka", "database"};
  static const gchar *const names[] = {"Kafka", "the cloud's Kafka", "the database"};

  g_mutex_lock (&self->lock);
  if (!trouble != !self->trouble[server]) {
    self->server_since[server] = now;
    mark (self, now, kinds[server], trouble ? "%s went away" : "%s is back", names[server]);
    if (trouble)
      g_message ("%s doesn't answer: %s", names[server], trouble);
    else
      g_message ("%s answers again", names[server]);
    if (server == LIVE_KAFKA && !trouble)
      forgive_silence (self, now);
  }
  g_free (self->trouble[server]);
  self->trouble[server] = g_strdup (trouble);
  g_mutex_unlock (&self->lock);
}

void
live_model_set_missing (LiveModel *self, LiveTopicRole topic, const gchar *name, gint64 now)
{
  const gchar *known;

  g_mutex_lock (&self->lock);
  known = name ? name : self->missing[topic];
  if (!name != !self->missing[topic]) {
    self->missing_since[topic] = now;
    mark (self, now, "kafka", name ? "the topic %s is missing" : "the topic %s is there", known);
    g_message ("the topic %s %s", known, name ? "doesn't exist" : "exists now");
    g_free (self->missing[topic]);
    self->missing[topic] = g_strdup (name);
  }
  g_mutex_unlock (&self->lock);
}

void
live_model_confirm_kafka (LiveModel *self, gint64 asked)
{
  g_mutex_lock (&self->lock);
  self->confirmed = asked;
  g_mutex_unlock (&self->lock);
}

void
live_model_set_backlog (LiveModel *self, LiveTopicRole topic, const LiveBacklog *backlog)
{
  g_mutex_lock (&self->lock);
  self->backlogs[topic] = *backlog;
  g_mutex_unlock (&self->lock);
}

void
live_model_count_unreadable (LiveModel *self)
{
  g_mutex_lock (&self->lock);
  self->unreadable++;
  g_mutex_unlock (&self->lock);
}

void
live_model_set_actions (LiveModel *self, JsonNode *actions)
{
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->actions, json_node_unref);
  self->actions = actions ? json_node_copy (actions) : NULL;
  g_mutex_unlock (&self->lock);
}

void
live_model_note (LiveModel *self, const gchar *text, gint64 now)
{
  g_mutex_lock (&self->lock);
  mark (self, now, "demo", "%s", text);
  g_mutex_unlock (&self->lock);
}

/* --- who looks --- */

void
live_model_look (LiveModel *self, const gchar *camera, gint64 until)
{
  g_mutex_lock (&self->lock);
  if (g_hash_table_contains (self->cameras, camera))
    g_hash_table_replace (self->looks, g_strdup (camera), g_memdup2 (&until, sizeof until));
  g_mutex_unlock (&self->lock);
}

static gboolean
look_is_over (gpointer key, gpointer value, gpointer data)
{
  return *(gint64 *) value < *(gint64 *) data;
}

gboolean
live_model_is_watched (LiveModel *self, gint64 now)
{
  gboolean watched;

  g_mutex_lock (&self->lock);
  g_hash_table_foreach_remove (self->looks, look_is_over, &now);
  watched = g_hash_table_size (self->looks) > 0;
  g_mutex_unlock (&self->lock);
  return watched;
}

void
live_model_set_reading (LiveModel *self, gboolean reading, gint64 now)
{
  g_mutex_lock (&self->lock);
  if (!reading)
    self->reading_since = 0;
  else if (!self->reading_since)
    self->reading_since = now;
  g_mutex_unlock (&self->lock);
}

/* --- ticks --- */

static void
note_health (LiveModel *self, const LiveCamera *camera, LiveHealth before, gint64 now)
{
  if (camera->health == LIVE_CAMERA_STOPPED)
    mark (self, now, "camera", "%s stopped", camera->name);
  else if (before == LIVE_CAMERA_STOPPED)
    mark (self, now, "camera", "%s is back", camera->name);
}

/* With self->lock. @known: time up to which silence counts, because Kafka has answered since. */
static void
tick_cameras (LiveModel *self, gint64 known, gint64 now)
{
  /* A missing frame shows at once that a camera has stopped, but only if frames have been read for
   * some time. */
  gboolean reading = self->reading_since && now - self->reading_since > READING;
  GHashTableIter iter;
  LiveCamera *camera;

  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &camera)) {
    gboolean watched = reading && g_hash_table_contains (self->looks, camera->name);
    LiveHealth before = camera->health;

    /* The camera isn't reported as silent if Kafka hasn't answered since its last frame, because
     * perhaps the camera sends, but Kafka is away. */
    if (live_camera_is_silent (camera, watched, now) &&
        !live_camera_is_silent (camera, watched, known))
      continue;
    if (live_camera_tick (camera, watched, now))
      note_health (self, camera, before, now);
    if (camera->health == LIVE_CAMERA_STOPPED && now - camera->since > FORGOTTEN) {
      g_hash_table_remove (self->shown, camera->name);
      g_hash_table_iter_remove (&iter);
    }
  }
}

/* With self->lock. @known: time up to which silence counts, because Kafka has answered since. */
static void
tick_replicas (LiveModel *self, gint64 known, gint64 now)
{
  GHashTableIter iter;
  LiveReplica *replica;

  g_hash_table_iter_init (&iter, self->replicas);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &replica)) {
    if (live_replica_falls_silent (replica, known))
      mark (self, now, "replica", "%s fell silent", replica->name);
    if (live_replica_is_over (replica, now))
      g_hash_table_iter_remove (&iter);
  }
}

/* With self->lock. Sets times after @now to @now. Also forgets which cameras are watched, because
 * pages request frames of these cameras again within seconds. */
static void
set_back (LiveModel *self, gint64 now)
{
  GHashTableIter iter;
  LiveCamera *camera;
  LiveReplica *replica;

  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &camera))
    live_camera_set_back (camera, now);
  g_hash_table_iter_init (&iter, self->replicas);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &replica)) {
    replica->heard = MIN (replica->heard, now);
    replica->since = MIN (replica->since, now);
  }
  for (guint i = 0; i < LIVE_BACKENDS; i++)
    self->server_since[i] = MIN (self->server_since[i], now);
  for (guint i = 0; i < LIVE_TOPICS; i++)
    self->missing_since[i] = MIN (self->missing_since[i], now);
  self->since = MIN (self->since, now);
  self->reading_since = MIN (self->reading_since, now);
  g_hash_table_remove_all (self->looks);
  live_history_set_back (self->history, now);
  self->sampled = 0;
}

/* With self->lock. Detects that the clock was set, or that this process was stopped and received no
 * messages. */
static void
note_clock (LiveModel *self, gint64 now)
{
  if (now < self->ticked)
    set_back (self, now);
  else if (self->ticked && now - self->ticked > CLOCK_STEP)
    forgive_silence (self, now);
  self->ticked = now;
}

void
live_model_tick (LiveModel *self, gint64 now)
{
  gint64 known;

  g_mutex_lock (&self->lock);
  note_clock (self, now);
  known = MIN (self->confirmed, now);
  /* While Kafka doesn't answer, no camera or replica is reported as stopped, because nothing is
   * known about them. */
  if (!self->trouble[LIVE_KAFKA]) {
    tick_cameras (self, known, now);
    tick_replicas (self, known, now);
  }
  live_model_judge (self, now);
  if (now - self->sampled >= SAMPLE_TIME) {
    live_history_add (self->history, self->sample);
    self->sampled = now;
  }
  g_mutex_unlock (&self->lock);
}

LiveAnswer *
live_model_find_answer (LiveModel *self, const gchar *id)
{
  LiveAnswer *answer;

  g_mutex_lock (&self->lock);
  answer = id ? g_hash_table_lookup (self->answers, id) : NULL;
  if (answer)
    live_answer_ref (answer);
  g_mutex_unlock (&self->lock);
  return answer;
}

gint64
live_model_get_settled (LiveModel *self, const gchar *name, gint64 answered)
{
  const LiveCamera unknown = {0}, *camera;
  gint64 settled;

  g_mutex_lock (&self->lock);
  camera = g_hash_table_lookup (self->cameras, name);
  settled = live_camera_get_settled (camera ? camera : &unknown, answered);
  g_mutex_unlock (&self->lock);
  return settled;
}

gint64
live_model_get_newest (LiveModel *self, const gchar *name)
{
  g_autoptr (GPtrArray) kept = live_frames_list (self->frames, name, 1);
  const LiveFrame *frame = kept->len ? g_ptr_array_index (kept, 0) : NULL;
  gint64 newest = frame ? frame->captured : 0;
  const LiveCamera *camera;

  g_mutex_lock (&self->lock);
  camera = g_hash_table_lookup (self->cameras, name);
  if (camera)
    newest = MAX (newest, camera->counted);
  g_mutex_unlock (&self->lock);
  return newest;
}

LiveFrames *
live_model_get_frames (LiveModel *self)
{
  return self->frames;
}

gchar *
live_model_dup_trouble (LiveModel *self)
{
  gchar *trouble;

  g_mutex_lock (&self->lock);
  trouble = g_strdup (self->trouble[LIVE_KAFKA]);
  g_mutex_unlock (&self->lock);
  return trouble;
}
