/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ratemodel.h"

#include <math.h>

#include "decimator.h"
#include "sink/producer/gstkafkapace.h"

#define PARTITIONS 12
#define SENSOR_RATE RATE_MODEL_SENSOR_RATE
#define DELAY RATE_MODEL_DELAY
/* seconds until a consumer group notices that a member is gone, or accepts a new one. */
#define DEATH 6.0
#define BIRTH 1.0
#define FRAME_BYTES 50000

typedef struct {
  gdouble captured;
  guint camera, partition;
  guint64 seq;
} Frame;

typedef struct {
  RateController *controller;
  gchar *name;
  Decimator decimator;
  guint64 seq;
  guint turn;
  gdouble told; /* the latest rate, to count changes */
  gdouble memory[RATE_MODEL_MEMORY], rate;
  GQueue link; /* queue of Frame: those waiting for the replica and the one in work */
  GstKafkaPace pace;
} Camera;

typedef struct {
  gchar *name;
  gboolean there;
  gdouble speed; /* frames/s */
  Frame *frame;  /* at work */
  gdouble left;  /* of it */
  gdouble since; /* when that was, s */
  guint finish;  /* number of the valid FINISH event */
  guint report;  /* number of the valid REPORT event */
  GQueue held;
  gdouble busy;
  guint64 reports;
  guint frames;
  guint *camera_frames;
  guint64 *last_seq;
} Replica;

typedef enum { FILM, LINK, ARRIVE, FINISH, REPORT, MAIL, TRACE, CHANGE_LINK, REBALANCE } What;

typedef struct {
  gdouble time;
  What what;
  guint who;     /* index of the event's camera, replica, or line of the trace */
  guint version; /* the event is ignored unless this equals the number of the valid event */
  gpointer load; /* a frame, a report */
} Event;

typedef struct {
  const RateTrace *trace;
  RateModelSettings settings;
  GRand *rand;
  GSequence *events;
  gdouble now;
  Camera *cameras;
  Replica *replicas;
  GQueue *queues; /* queues of Frame, one for each partition */
  guint *owner;   /* of each partition */
  guint partitions, idle_turn, rebalance;
  gdouble work, capacity; /* frames */
  gdouble changed;        /* time in s up to which the capacity has been summed */
  gdouble link_rate;      /* frames/s; 0: no limit */
  GArray *ages;
  guint64 changes;
  RateModelResult result;
} Model;

/* --- events --- */

static gint
compare_events (gconstpointer a, gconstpointer b, gpointer unused)
{
  gdouble difference = ((const Event *) a)->time - ((const Event *) b)->time;

  return difference < 0 ? -1 : difference > 0;
}

static void
plan (Model *m, gdouble time, What what, guint who, guint version, gpointer load)
{
  Event *event = g_slice_new (Event);

  *event = (Event){time, what, who, version, load};
  g_sequence_insert_sorted (m->events, event, compare_events, NULL);
}

/* --- replicas --- */

static GQueue *
queue_for (Model *m, guint replica)
{
  GQueue *oldest = NULL;

  if (m->settings.kind == RATE_MODEL_SHARED)
    return g_queue_is_empty (&m->queues[0]) ? NULL : &m->queues[0];
  for (guint p = 0; p < m->partitions; p++) {
    Frame *head = g_queue_peek_head (&m->queues[p]);

    if (m->owner[p] != replica || !head)
      continue;
    if (!oldest || head->captured < ((Frame *) g_queue_peek_head (oldest))->captured)
      oldest = &m->queues[p];
  }
  return oldest;
}

/* With one shared queue, a free replica takes any frame. */
static guint
most_held (const Model *m)
{
  return m->settings.kind == RATE_MODEL_SHARED ? 0 : m->settings.held;
}

static void
hold (Model *m, guint i)
{
  Replica *replica = &m->replicas[i];
  GQueue *queue;

  while (replica->there && replica->held.length < MAX (most_held (m), replica->frame ? 0 : 1) &&
         (queue = queue_for (m, i)))
    g_queue_push_tail (&replica->held, g_queue_pop_head (queue));
}

static void
plan_finish (Model *m, guint i)
{
  Replica *replica = &m->replicas[i];

  replica->finish++;
  replica->since = m->now;
  if (replica->frame && replica->there && replica->speed > 0)
    plan (m, m->now + replica->left / replica->speed, FINISH, i, replica->finish, NULL);
}

/* Gives the replica, if it is free, the next frame that isn't too old. */
static void
begin_work (Model *m, guint i)
{
  Replica *replica = &m->replicas[i];

  hold (m, i);
  while (
      replica->there && !replica->frame && (replica->frame = g_queue_pop_head (&replica->held))) {
    if (m->settings.max_age > 0 && m->now - replica->frame->captured > m->settings.max_age) {
      m->result.dropped++;
      g_clear_pointer (&replica->frame, g_free);
      hold (m, i);
      continue;
    }
    replica->left = g_rand_double_range (m->rand, 1 - RATE_MODEL_SPREAD, 1 + RATE_MODEL_SPREAD);
    plan_finish (m, i);
  }
  hold (m, i);
}

/* Advances the replica's work to the present time at its present speed. */
static void
account (Model *m, Replica *replica)
{
  gdouble time = m->now - replica->since;

  replica->since = m->now;
  if (!replica->frame || !replica->there)
    return;
  replica->busy += time;
  replica->left -= time * replica->speed;
  m->work += time * replica->speed;
}

static void
finish (Model *m, guint i)
{
  Replica *replica = &m->replicas[i];
  Frame *frame = replica->frame;
  gdouble age = m->now - frame->captured;

  account (m, replica);
  g_array_append_val (m->ages, age);
  m->result.counted++;
  replica->frames++;
  replica->camera_frames[frame->camera]++;
  replica->last_seq[frame->camera] = MAX (replica->last_seq[frame->camera], frame->seq);
  g_clear_pointer (&replica->frame, g_free);
  begin_work (m, i);
}

/* Puts the frames that the lost replica had taken back into their partitions. */
static void
die (Model *m, Replica *replica)
{
  if (replica->frame)
    g_queue_push_head (&replica->held, g_steal_pointer (&replica->frame));
  while (!g_queue_is_empty (&replica->held)) {
    Frame *frame = g_queue_pop_tail (&replica->held);

    g_queue_push_head (&m->queues[frame->partition], frame);
  }
  replica->busy = replica->frames = 0;
}

static void
arrive (Model *m, Frame *frame)
{
  g_queue_push_tail (&m->queues[frame->partition], frame);
  if (m->settings.kind != RATE_MODEL_SHARED) {
    begin_work (m, m->owner[frame->partition]);
    return;
  }
  for (guint i = 0; i < m->trace->replicas; i++)
    begin_work (m, (m->idle_turn + i) % m->trace->replicas);
  m->idle_turn++;
}

/* --- reports --- */

static guint64
lag_of (Model *m, guint replica)
{
  guint64 lag = m->replicas[replica].held.length;
  guint there = 0;

  for (guint i = 0; i < m->trace->replicas; i++)
    there += m->replicas[i].there;
  if (m->settings.kind == RATE_MODEL_SHARED)
    return (m->queues[0].length + replica) / MAX (there, 1);
  for (guint p = 0; p < m->partitions; p++)
    lag += m->owner[p] == replica ? m->queues[p].length : 0;
  return lag;
}

static void
list_cameras (Model *m, Replica *replica, FogReport *report)
{
  for (guint c = 0; c < m->settings.cameras; c++) {
    FogReportCamera *camera;

    if (replica->camera_frames[c] == 0)
      continue;
    camera = fog_report_add_camera (report, m->cameras[c].name);
    camera->session = g_strdup ("s");
    camera->frames = replica->camera_frames[c];
    camera->last_seq = replica->last_seq[c];
    camera->min = m->settings.settings.min_rate;
    camera->max = m->settings.settings.max_rate;
    replica->camera_frames[c] = 0;
  }
}

/* @interval: seconds since the last report */
static FogReport *
make_report (Model *m, guint i, gdouble interval)
{
  Replica *replica = &m->replicas[i];
  FogReport *report = fog_report_new (replica->name);
  gdouble error = m->settings.busy_error * g_rand_double_range (m->rand, -1, 1);

  report->seq = ++replica->reports;
  report->interval = MAX (interval, 1e-6);
  report->frames = replica->frames;
  report->busy = replica->busy * (1 + error);
  report->lag = lag_of (m, i);
  for (guint p = 0; p < m->partitions && m->settings.kind != RATE_MODEL_SHARED; p++) {
    if (m->owner[p] == i)
      g_array_append_val (report->partitions, p);
  }
  list_cameras (m, replica, report);
  replica->frames = 0;
  replica->busy = 0;
  return report;
}

static void
plan_report (Model *m, guint i, gdouble time)
{
  plan (m, time, REPORT, i, ++m->replicas[i].report, NULL);
}

static void
send_report (Model *m, guint i, gdouble interval)
{
  Replica *replica = &m->replicas[i];
  FogReport *report;

  plan_report (m, i, m->now + m->settings.interval);
  if (!replica->there)
    return;
  account (m, replica);
  plan_finish (m, i);
  report = make_report (m, i, interval);
  if (m->settings.loss > 0 && g_rand_double (m->rand) < m->settings.loss)
    fog_report_free (report);
  else
    plan (m, m->now + DELAY, MAIL, i, 0, report);
}

static void
apply_rule (Model *m, Camera *camera)
{
  const RateSettings *own = &m->settings.settings;
  RateState state;

  rate_controller_get_state (camera->controller, m->now, &state);
  if (state.capacity <= 0)
    return;
  camera->rate = m->settings.rule (camera->memory, camera->rate * m->settings.cameras, &state,
                     m->settings.interval, m->now) /
                 m->settings.cameras;
  camera->rate = CLAMP (camera->rate, own->min_rate, own->max_rate);
}

static void
deliver (Model *m, FogReport *report)
{
  for (guint c = 0; c < m->settings.cameras; c++) {
    rate_controller_report (m->cameras[c].controller, report, m->now);
    if (m->settings.rule)
      apply_rule (m, &m->cameras[c]);
  }
  fog_report_free (report);
}

/* --- the group --- */

/* Each replica reports its new partitions immediately after a rebalance. */
static void
rebalance (Model *m)
{
  g_autofree guint *members = g_new (guint, m->trace->replicas);
  guint n = 0;

  for (guint i = 0; i < m->trace->replicas; i++) {
    if (m->replicas[i].there)
      members[n++] = i;
  }
  for (guint p = 0; n && p < m->partitions; p++)
    m->owner[p] = members[p * n / m->partitions];
  for (guint i = 0; i < n; i++) {
    begin_work (m, members[i]);
    if (m->now > 0 && m->settings.kind != RATE_MODEL_SHARED)
      send_report (m, members[i], m->settings.interval / 2);
  }
}

/* Sums the capacity since the last change: the lowest of the replicas' capacity, the cameras' rates
 * and the links' rates. */
static void
add_capacity (Model *m)
{
  gdouble speed = 0, most = MIN (m->settings.settings.max_rate, SENSOR_RATE);

  for (guint i = 0; i < m->trace->replicas; i++)
    speed += m->replicas[i].speed;
  if (m->link_rate > 0)
    most = MIN (most, m->link_rate);
  m->capacity += MIN (speed, most * m->settings.cameras) * (m->now - m->changed);
  m->changed = m->now;
}

static void
change_link (Model *m, guint line)
{
  add_capacity (m);
  m->link_rate = g_array_index (m->trace->link_rates, gdouble, line);
}

static void
read_line (Model *m, guint line)
{
  guint n = m->trace->replicas;

  add_capacity (m);
  for (guint i = 0; i < n; i++) {
    Replica *replica = &m->replicas[i];
    gdouble speed = g_array_index (m->trace->speeds, gdouble, line * n + i);

    account (m, replica);
    if (replica->there != (speed >= 0)) {
      replica->there = speed >= 0;
      if (!replica->there)
        die (m, replica);
      plan (m, m->now + (m->now > 0 ? replica->there ? BIRTH : DEATH : 0), REBALANCE, 0,
          ++m->rebalance, NULL);
    }
    replica->speed = MAX (speed, 0);
    plan_finish (m, i);
  }
}

/* --- cameras and links --- */

static guint
partition_for (Model *m, Camera *camera)
{
  gint partition = -1;

  if (m->settings.kind == RATE_MODEL_SHARED)
    return 0;
  if (m->settings.kind == RATE_MODEL_KEYED)
    return g_str_hash (camera->name) % m->partitions;
  if (m->settings.kind == RATE_MODEL_PLACEMENT)
    partition = rate_controller_next_partition (camera->controller, m->now);
  return partition >= 0 ? (guint) partition : camera->turn++ % m->partitions;
}

static gint64
microseconds (gdouble time)
{
  return (gint64) (time * G_USEC_PER_SEC);
}

/* The sink detects a slow link from the age of the oldest frame in its queue. */
static void
throttle (Model *m, Camera *camera)
{
  Frame *oldest = g_queue_peek_head (&camera->link);
  gdouble interval, proportion;

  if (gst_kafka_pace_throttle (&camera->pace, microseconds (m->now),
          microseconds (oldest->captured), &interval, &proportion))
    rate_controller_throttle (camera->controller, 1 / interval, m->now);
}

static void
put_on_link (Model *m, guint c, Frame *frame)
{
  Camera *camera = &m->cameras[c];

  if (m->link_rate <= 0) {
    plan (m, m->now + DELAY, ARRIVE, c, 0, frame);
    return;
  }
  gst_kafka_pace_pushed (&camera->pace);
  g_queue_push_tail (&camera->link, frame);
  if (camera->link.length == 1)
    plan (m, m->now + 1 / m->link_rate, LINK, c, 0, NULL);
  throttle (m, camera);
}

/* Handles the event that the first frame of the queue has passed the link. */
static void
take_off_link (Model *m, guint c)
{
  Camera *camera = &m->cameras[c];
  Frame *frame = g_queue_pop_head (&camera->link);

  gst_kafka_pace_delivered (
      &camera->pace, microseconds (m->now), FRAME_BYTES, microseconds (m->now - frame->captured));
  plan (m, m->now + DELAY, ARRIVE, c, 0, frame);
  if (!g_queue_is_empty (&camera->link))
    plan (m, m->now + 1 / m->link_rate, LINK, c, 0, NULL);
}

static gdouble
rate_of (Model *m, Camera *camera)
{
  gdouble rate =
      m->settings.rule ? camera->rate : rate_controller_get_rate (camera->controller, m->now);

  if (ABS (rate - camera->told) > 0.05 * camera->told) {
    m->changes++;
    camera->told = rate;
  }
  return rate;
}

static void
film (Model *m, guint c)
{
  Camera *camera = &m->cameras[c];
  Frame *frame;

  plan (m, m->now + 1 / SENSOR_RATE, FILM, c, 0, NULL);
  if (!decimator_take (&camera->decimator, m->now, rate_of (m, camera), SENSOR_RATE))
    return;
  if (!m->settings.rule && !rate_controller_may_send (camera->controller, m->now)) {
    decimator_give_back (&camera->decimator);
    return;
  }
  frame = g_new (Frame, 1);
  *frame = (Frame){m->now, c, partition_for (m, camera), camera->seq};
  rate_controller_sent (camera->controller, camera->seq++, m->now);
  put_on_link (m, c, frame);
}

/* --- a run --- */

static void
prepare_cameras (Model *m)
{
  m->cameras = g_new0 (Camera, m->settings.cameras);
  for (guint c = 0; c < m->settings.cameras; c++) {
    Camera *camera = &m->cameras[c];

    camera->name = g_strdup_printf ("cam-%u", c);
    camera->controller = rate_controller_new (camera->name, "s", &m->settings.settings, 0);
    camera->rate = m->settings.settings.initial_rate;
    camera->turn = g_rand_int_range (m->rand, 0, (gint) m->partitions);
    g_queue_init (&camera->link);
    gst_kafka_pace_init (&camera->pace, 0);
    plan (m, g_rand_double_range (m->rand, 0, 1 / SENSOR_RATE), FILM, c, 0, NULL);
  }
}

static void
prepare (Model *m)
{
  const RateTrace *trace = m->trace;

  m->rand = g_rand_new_with_seed (m->settings.seed);
  m->events = g_sequence_new (NULL);
  m->ages = g_array_new (FALSE, FALSE, sizeof (gdouble));
  m->partitions = trace->partitions ? trace->partitions : PARTITIONS;
  m->queues = g_new (GQueue, m->partitions);
  m->owner = g_new0 (guint, m->partitions);
  m->replicas = g_new0 (Replica, trace->replicas);
  m->settings.cameras = trace->cameras ? trace->cameras : m->settings.cameras;
  m->settings.interval = trace->interval > 0 ? trace->interval : m->settings.interval;
  if (trace->min_rate > 0)
    m->settings.settings.min_rate = trace->min_rate;
  for (guint p = 0; p < m->partitions; p++)
    g_queue_init (&m->queues[p]);
  for (guint i = 0; i < trace->times->len; i++)
    plan (m, g_array_index (trace->times, gdouble, i), TRACE, i, 0, NULL);
  for (guint i = 0; i < trace->link_times->len; i++)
    plan (m, g_array_index (trace->link_times, gdouble, i), CHANGE_LINK, i, 0, NULL);
  for (guint i = 0; i < trace->replicas; i++) {
    m->replicas[i].name = g_strdup_printf ("fog-%u", i);
    m->replicas[i].camera_frames = g_new0 (guint, m->settings.cameras);
    m->replicas[i].last_seq = g_new0 (guint64, m->settings.cameras);
    g_queue_init (&m->replicas[i].held);
    plan_report (m, i, g_rand_double_range (m->rand, 0, m->settings.interval));
  }
  prepare_cameras (m);
}

static void
event_free (Event *event)
{
  g_slice_free (Event, event);
}

static void
drop_event (gpointer data, gpointer unused)
{
  Event *event = data;

  if (event->what == ARRIVE)
    g_free (event->load);
  if (event->what == MAIL)
    fog_report_free (event->load);
  event_free (event);
}

static void
clean_up (Model *m)
{
  g_sequence_foreach (m->events, drop_event, NULL);
  g_sequence_free (m->events);
  for (guint c = 0; c < m->settings.cameras; c++) {
    rate_controller_free (m->cameras[c].controller);
    g_queue_clear_full (&m->cameras[c].link, g_free);
    g_free (m->cameras[c].name);
  }
  for (guint i = 0; i < m->trace->replicas; i++) {
    g_free (m->replicas[i].name);
    g_free (m->replicas[i].frame);
    g_free (m->replicas[i].camera_frames);
    g_free (m->replicas[i].last_seq);
    g_queue_clear_full (&m->replicas[i].held, g_free);
  }
  for (guint p = 0; p < m->partitions; p++)
    g_queue_clear_full (&m->queues[p], g_free);
  g_free (m->queues);
  g_free (m->owner);
  g_free (m->cameras);
  g_free (m->replicas);
  g_array_unref (m->ages);
  g_rand_free (m->rand);
}

static void
happen (Model *m, const Event *event)
{
  switch (event->what) {
    case FILM:
      film (m, event->who);
      break;
    case LINK:
      take_off_link (m, event->who);
      break;
    case ARRIVE:
      arrive (m, event->load);
      break;
    case FINISH:
      if (event->version == m->replicas[event->who].finish)
        finish (m, event->who);
      break;
    case REPORT:
      if (event->version == m->replicas[event->who].report)
        send_report (m, event->who, m->settings.interval);
      break;
    case MAIL:
      deliver (m, event->load);
      break;
    case TRACE:
      read_line (m, event->who);
      break;
    case CHANGE_LINK:
      change_link (m, event->who);
      break;
    case REBALANCE:
      if (event->version == m->rebalance)
        rebalance (m);
      break;
  }
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  gdouble difference = *(const gdouble *) a - *(const gdouble *) b;

  return difference < 0 ? -1 : difference > 0;
}

static gdouble
percentile (const Model *m, gdouble part)
{
  return m->ages->len ? g_array_index (m->ages, gdouble, (guint) (part * (m->ages->len - 1))) : NAN;
}

static RateModelResult
sum_up (Model *m)
{
  g_array_sort (m->ages, compare);
  m->result.utilisation = m->work / m->capacity;
  m->result.p50 = percentile (m, 0.5);
  m->result.p95 = percentile (m, 0.95);
  m->result.p99 = percentile (m, 0.99);
  m->result.max = percentile (m, 1);
  m->result.changes = 60.0 * m->changes / m->settings.cameras / rate_trace_seconds (m->trace);
  return m->result;
}

RateModelResult
rate_model_run (const RateTrace *trace, const RateModelSettings *settings)
{
  Model m = {.trace = trace, .settings = *settings};
  RateModelResult result;

  prepare (&m);
  while (m.now < rate_trace_seconds (trace)) {
    GSequenceIter *first = g_sequence_get_begin_iter (m.events);
    Event *event = g_sequence_get (first);

    g_sequence_remove (first);
    m.now = event->time;
    happen (&m, event);
    event_free (event);
  }
  result = sum_up (&m);
  clean_up (&m);
  return result;
}
