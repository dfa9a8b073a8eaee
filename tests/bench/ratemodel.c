/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ratemodel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "decimator.h"

#define STEP 0.005
#define PARTITIONS 12
#define SOURCE_RATE 30.0
/* From camera to queue, and from replica to camera. */
#define DELAY 0.05
/* A consumer group notices that a member is gone. */
#define REBALANCE 6.0

typedef struct {
  gdouble captured;
  guint camera;
  guint64 seq;
} Frame;

typedef struct {
  RateController *controller;
  gchar *name;
  Decimator decimator;
  gdouble next; /* frame of the sensor */
  guint64 seq;
  gdouble told; /* the rate last seen, to count changes */
  gdouble pid[3], rate;
} Camera;

typedef struct {
  gchar *name;
  gboolean there;
  gdouble speed;
  Frame frame;  /* at work */
  gdouble left; /* of it; 0: idle */
  gdouble next_report, busy;
  guint64 reports;
  guint frames;
  guint *camera_frames;
  guint64 *last_seq;
} Replica;

typedef struct {
  FogReport *report;
  gdouble due;
} Mail;

typedef struct {
  const RateTrace *trace;
  const RateModelSettings *settings;
  GRand *rand;
  Camera *cameras;
  Replica *replicas;
  GQueue queues[PARTITIONS];
  guint owner[PARTITIONS];
  gdouble rebalance_at; /* 0: not due */
  GQueue mail;
  guint turn;
  gdouble capacity;
  GArray *ages;
  RateModelResult result;
} Model;

/* ---- traces ---- */

static gboolean
add_line (RateTrace *trace, const gchar *line)
{
  g_auto (GStrv) words = g_strsplit_set (line, " \t", -1);
  guint n = 0;
  gdouble number;

  for (guint i = 0; words[i]; i++) {
    if (!*words[i])
      continue;
    number = g_str_equal (words[i], "-") ? -1 : g_ascii_strtod (words[i], NULL);
    if (n++ == 0)
      g_array_append_val (trace->times, number);
    else
      g_array_append_val (trace->speeds, number);
  }
  if (n > 1 && trace->replicas == 0)
    trace->replicas = n - 1;
  return n > 1 && n - 1 == trace->replicas;
}

RateTrace *
rate_trace_load (const gchar *path, GError **error)
{
  RateTrace *trace = g_new0 (RateTrace, 1);
  g_autofree gchar *text = NULL;
  g_auto (GStrv) lines = NULL;

  trace->times = g_array_new (FALSE, FALSE, sizeof (gdouble));
  trace->speeds = g_array_new (FALSE, FALSE, sizeof (gdouble));
  if (g_file_get_contents (path, &text, NULL, error))
    lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines && lines[i]; i++) {
    if (!*lines[i] || *lines[i] == '#' || add_line (trace, lines[i]))
      continue;
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: bad line \"%s\"", path, lines[i]);
    g_clear_pointer (&lines, g_strfreev);
  }
  if (!lines)
    g_clear_pointer (&trace, rate_trace_free);
  return trace;
}

void
rate_trace_free (RateTrace *trace)
{
  g_array_unref (trace->times);
  g_array_unref (trace->speeds);
  g_free (trace);
}

/* The last line ends it. */
gdouble
rate_trace_seconds (const RateTrace *trace)
{
  return g_array_index (trace->times, gdouble, trace->times->len - 1);
}

/* ---- replicas ---- */

static void
assign (Model *m)
{
  guint there = 0, given = 0;
  guint *who = g_newa (guint, m->trace->replicas);

  for (guint i = 0; i < m->trace->replicas; i++) {
    if (m->replicas[i].there)
      who[there++] = i;
  }
  for (guint p = 0; there && p < PARTITIONS; p++)
    m->owner[p] = who[given++ * there / PARTITIONS];
  m->rebalance_at = 0;
}

static void
read_trace (Model *m, gdouble now)
{
  guint line = 0;

  while (
      line + 1 < m->trace->times->len && g_array_index (m->trace->times, gdouble, line + 1) <= now)
    line++;
  for (guint i = 0; i < m->trace->replicas; i++) {
    Replica *replica = &m->replicas[i];
    gdouble speed = g_array_index (m->trace->speeds, gdouble, line * m->trace->replicas + i);

    if (replica->there != (speed >= 0)) {
      replica->there = speed >= 0;
      replica->left = 0;
      m->rebalance_at = now + (replica->there ? 1 : REBALANCE);
    }
    replica->speed = MAX (speed, 0);
    m->capacity += replica->speed * STEP;
  }
}

static GQueue *
queue_for (Model *m, guint replica)
{
  GQueue *oldest = NULL;

  if (m->settings->kind == RATE_MODEL_SHARED)
    return &m->queues[0];
  for (guint p = 0; p < PARTITIONS; p++) {
    Frame *head = g_queue_peek_head (&m->queues[p]);

    if (m->owner[p] != replica || !head)
      continue;
    if (!oldest || head->captured < ((Frame *) g_queue_peek_head (oldest))->captured)
      oldest = &m->queues[p];
  }
  return oldest;
}

static void
finish (Model *m, Replica *replica, gdouble now)
{
  gdouble age = now - replica->frame.captured;

  g_array_append_val (m->ages, age);
  m->result.counted++;
  replica->frames++;
  replica->camera_frames[replica->frame.camera]++;
  replica->last_seq[replica->frame.camera] =
      MAX (replica->last_seq[replica->frame.camera], replica->frame.seq);
}

static void
fetch (Model *m, guint i, gdouble now)
{
  GQueue *queue;

  while ((queue = queue_for (m, i)) && !g_queue_is_empty (queue)) {
    Frame *frame = g_queue_peek_head (queue);

    if (frame->captured + DELAY > now)
      return;
    g_queue_pop_head (queue);
    m->replicas[i].frame = *frame;
    g_free (frame);
    if (m->settings->max_age > 0 && now - m->replicas[i].frame.captured > m->settings->max_age) {
      m->result.dropped++;
      continue;
    }
    /* Frames differ by a tenth. */
    m->replicas[i].left = g_rand_double_range (m->rand, 0.9, 1.1);
    return;
  }
}

static void
work (Model *m, guint i, gdouble now)
{
  Replica *replica = &m->replicas[i];
  gdouble time = STEP;

  if (!replica->there || replica->speed <= 0)
    return;
  while (time > 0) {
    gdouble used;

    if (replica->left <= 0)
      fetch (m, i, now);
    if (replica->left <= 0)
      return;
    used = MIN (time, replica->left / replica->speed);
    replica->left -= used * replica->speed;
    replica->busy += used;
    time -= used;
    if (replica->left <= 1e-9) {
      replica->left = 0;
      finish (m, replica, now);
    }
  }
}

/* ---- reports ---- */

static guint64
lag_of (Model *m, guint replica)
{
  guint64 lag = 0;
  guint there = 0;

  for (guint i = 0; i < m->trace->replicas; i++)
    there += m->replicas[i].there;
  if (m->settings->kind == RATE_MODEL_SHARED)
    return (m->queues[0].length + replica) / MAX (there, 1);
  for (guint p = 0; p < PARTITIONS; p++)
    lag += m->owner[p] == replica ? m->queues[p].length : 0;
  return lag;
}

static void
list_cameras (Model *m, Replica *replica, FogReport *report)
{
  for (guint c = 0; c < m->settings->cameras; c++) {
    FogReportCamera *camera;

    if (replica->camera_frames[c] == 0)
      continue;
    camera = fog_report_add_camera (report, m->cameras[c].name);
    camera->session = g_strdup ("s");
    camera->frames = replica->camera_frames[c];
    camera->last_seq = replica->last_seq[c];
    camera->min = m->settings->settings.min_rate;
    camera->max = m->settings->settings.max_rate;
    replica->camera_frames[c] = 0;
  }
}

static void
write_report (Model *m, guint i, gdouble now)
{
  Replica *replica = &m->replicas[i];
  FogReport *report;
  Mail *mail;

  replica->next_report += m->settings->interval;
  if (!replica->there)
    return;
  report = fog_report_new (replica->name);
  report->seq = ++replica->reports;
  report->interval = m->settings->interval;
  report->frames = replica->frames;
  report->busy =
      replica->busy * (1 + m->settings->busy_error * g_rand_double_range (m->rand, -1, 1));
  report->lag = lag_of (m, i);
  for (gint p = 0; p < PARTITIONS && m->settings->kind != RATE_MODEL_SHARED; p++) {
    if (m->owner[p] == i)
      g_array_append_val (report->partitions, p);
  }
  list_cameras (m, replica, report);
  replica->frames = 0;
  replica->busy = 0;
  if (m->settings->loss > 0 && g_rand_double (m->rand) < m->settings->loss) {
    fog_report_free (report);
    return;
  }
  mail = g_new (Mail, 1);
  *mail = (Mail){report, now + DELAY};
  g_queue_push_tail (&m->mail, mail);
}

static void
apply_rule (Model *m, Camera *camera, gdouble now)
{
  RateState state;

  rate_controller_get_state (camera->controller, now, &state);
  if (state.capacity <= 0)
    return;
  camera->rate = m->settings->rule (camera->pid, camera->rate * m->settings->cameras,
                     state.capacity / state.gain, state.queue, m->settings->interval) /
                 m->settings->cameras;
  camera->rate =
      CLAMP (camera->rate, m->settings->settings.min_rate, m->settings->settings.max_rate);
}

static void
deliver (Model *m, gdouble now)
{
  Mail *mail;

  while ((mail = g_queue_peek_head (&m->mail)) && mail->due <= now) {
    for (guint c = 0; c < m->settings->cameras; c++) {
      rate_controller_report (m->cameras[c].controller, mail->report, now);
      if (m->settings->rule)
        apply_rule (m, &m->cameras[c], now);
    }
    fog_report_free (mail->report);
    g_free (g_queue_pop_head (&m->mail));
  }
}

/* ---- cameras ---- */

static guint
partition_for (Model *m, Camera *camera, gdouble now)
{
  gint partition = -1;

  if (m->settings->kind == RATE_MODEL_SHARED)
    return 0;
  if (m->settings->kind == RATE_MODEL_KEYED)
    return g_str_hash (camera->name) % PARTITIONS;
  if (m->settings->kind == RATE_MODEL_PLACEMENT)
    partition = rate_controller_next_partition (camera->controller, now);
  return partition >= 0 ? (guint) partition : m->turn++ % PARTITIONS;
}

static void
film (Model *m, guint c, gdouble now)
{
  Camera *camera = &m->cameras[c];
  gdouble rate;
  Frame *frame;

  if (now < camera->next)
    return;
  camera->next += 1 / SOURCE_RATE;
  rate = m->settings->rule ? camera->rate : rate_controller_get_rate (camera->controller, now);
  if (ABS (rate - camera->told) > 0.05 * camera->told) {
    m->result.changes++;
    camera->told = rate;
  }
  if (!decimator_take (&camera->decimator, now, rate, SOURCE_RATE))
    return;
  if (!m->settings->rule && !rate_controller_may_send (camera->controller, now)) {
    decimator_give_back (&camera->decimator);
    return;
  }
  frame = g_new (Frame, 1);
  *frame = (Frame){now, c, camera->seq};
  g_queue_push_tail (&m->queues[partition_for (m, camera, now)], frame);
  rate_controller_sent (camera->controller, camera->seq++, now);
}

/* ---- a run ---- */

static void
prepare (Model *m)
{
  m->rand = g_rand_new_with_seed (m->settings->seed);
  m->ages = g_array_new (FALSE, FALSE, sizeof (gdouble));
  m->cameras = g_new0 (Camera, m->settings->cameras);
  m->replicas = g_new0 (Replica, m->trace->replicas);
  for (guint c = 0; c < m->settings->cameras; c++) {
    m->cameras[c].name = g_strdup_printf ("cam-%u", c);
    m->cameras[c].controller =
        rate_controller_new (m->cameras[c].name, "s", &m->settings->settings, 0);
    m->cameras[c].next = g_rand_double_range (m->rand, 0, 1 / SOURCE_RATE);
    m->cameras[c].rate = m->settings->settings.initial_rate;
  }
  for (guint i = 0; i < m->trace->replicas; i++) {
    m->replicas[i].name = g_strdup_printf ("fog-%u", i);
    m->replicas[i].camera_frames = g_new0 (guint, m->settings->cameras);
    m->replicas[i].last_seq = g_new0 (guint64, m->settings->cameras);
    m->replicas[i].next_report = g_rand_double_range (m->rand, 0, m->settings->interval);
  }
  for (guint p = 0; p < PARTITIONS; p++)
    g_queue_init (&m->queues[p]);
  g_queue_init (&m->mail);
}

static void
mail_free (gpointer mail)
{
  fog_report_free (((Mail *) mail)->report);
  g_free (mail);
}

static void
clean_up (Model *m)
{
  for (guint c = 0; c < m->settings->cameras; c++) {
    rate_controller_free (m->cameras[c].controller);
    g_free (m->cameras[c].name);
  }
  for (guint i = 0; i < m->trace->replicas; i++) {
    g_free (m->replicas[i].name);
    g_free (m->replicas[i].camera_frames);
    g_free (m->replicas[i].last_seq);
  }
  for (guint p = 0; p < PARTITIONS; p++)
    g_queue_clear_full (&m->queues[p], g_free);
  g_queue_clear_full (&m->mail, mail_free);
  g_free (m->cameras);
  g_free (m->replicas);
  g_array_unref (m->ages);
  g_rand_free (m->rand);
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

RateModelResult
rate_model_run (const RateTrace *trace, const RateModelSettings *settings)
{
  Model m = {.trace = trace, .settings = settings};

  prepare (&m);
  for (gdouble now = 0; now < rate_trace_seconds (trace); now += STEP) {
    read_trace (&m, now);
    if (now == 0 || (m.rebalance_at > 0 && now >= m.rebalance_at))
      assign (&m);
    deliver (&m, now);
    for (guint c = 0; c < settings->cameras; c++)
      film (&m, c, now);
    for (guint i = 0; i < trace->replicas; i++) {
      work (&m, i, now);
      if (now >= m.replicas[i].next_report)
        write_report (&m, i, now);
    }
  }
  g_array_sort (m.ages, compare);
  m.result.utilisation = m.result.counted / m.capacity;
  m.result.p50 = percentile (&m, 0.5);
  m.result.p95 = percentile (&m, 0.95);
  m.result.p99 = percentile (&m, 0.99);
  m.result.max = percentile (&m, 1);
  clean_up (&m);
  return m.result;
}
