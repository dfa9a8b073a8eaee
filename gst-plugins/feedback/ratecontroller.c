/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ratecontroller.h"

#include <math.h>

#include "fairshare.h"
#include "placement.h"

/* The time (s) that is assumed to lie between two reports until the first report comes. This time
 * is the default of haarfacecount. */
#define DEFAULT_INTERVAL 5.0
/* Bounds (s) to which the interval that a report claims is limited. The upper bound limits the time
 * for which the next report is waited for; the lower bound is the shortest interval of
 * haarfacecount. */
#define MAX_INTERVAL 30.0
#define MIN_INTERVAL 0.1
/* The shortest interval (s) of a report from which a rate is computed. */
#define LEAST_MEASURED 0.001
/* The time constants (s) of the mean cost of a frame, from which `demand` is computed: the first
 * one normally, the second one while a replica hangs. The time constant is long because autoscalers
 * read `demand` only now and then: a machine that is slower by a fifth for a minute or two must not
 * change `demand`, but frames that cost twice as much must change it soon. */
#define STEADY 240.0
#define STEADY_STALLED 30.0
/* A new replica's cost of a frame is computed as if it had already worked for this time (s) at the
 * speed of the other replicas, because it may not have counted a frame yet. */
#define UNKNOWN 5.0
/* A replica counts as gone if it sends no report for this many of its report intervals. */
#define SILENCE 2.2
/* The number of latest reports whose longest interval says when the next report is due; some
 * intervals are shorter, because reports may come early. */
#define RECENT_REPORTS 4
/* A report is trusted in full if its interval is at least this fraction of the longest one. */
#define USUAL 0.8
/* If no replica sends a report for this number of intervals, the rate falls in each further
 * interval by the factor DECAY. */
#define SILENCE_OF_ALL 3.0
#define DECAY 0.7
/* The largest ratio of the rate that all cameras send to the rate that the replicas count. */
#define MAX_GROWTH 1.5
/* If a report's speed is below this fraction of the replica's known speed, it becomes the known
 * speed at once; after any other change, the known speed moves halfway towards the report's. */
#define SUDDEN_FALL 0.9
/* The least number of frames that may wait before the replicas. */
#define MIN_QUEUE 2.0
/* Replicas that are busy for less than this fraction of the time count as idle, and then a short
 * queue doesn't change the gain. */
#define BUSY 0.85
/* Bounds of the gain, the factor that corrects the capacity that the reports claim. */
#define MIN_GAIN 0.6
#define MAX_GAIN 1.4
/* The largest rate (frames/s) that a report may claim for each worker. */
#define MAX_WORKER_RATE 10000.0
/* The time (s) between two doublings of the rate with the algorithm `thesis`. */
#define THESIS_PROBE 30.0
/* A sink sends a throttle event at least every LINK_HOLD s until its queue is drained. When no
 * event comes any more, the limit of the link grows: after t seconds it is the highest requested
 * rate multiplied by LINK_GROWTH ^ (t + LINK_SURGE * t ^ 2). The growth is slow at first, so that
 * the rate of a slow link is approached slowly, and fast later, so that the limit soon disappears
 * if the link was slow only for a moment. */
#define LINK_HOLD 0.7
#define LINK_GROWTH 1.1
#define LINK_SURGE 0.25
/* The number of frames that may always be in flight. */
#define MIN_IN_FLIGHT 4.0
/* The time (s) without a report after which a replica is forgotten. */
#define FORGET_REPLICA 300.0
/* The number of latest frames whose time of sending is remembered. */
#define SENT_TIMES 1024
/* From each report, the entries of at least this many active cameras are read, if the report has as
 * many. */
#define MIN_LISTED 8
/* To find n cameras that sent frames, at most this factor times n entries of a report are read. */
#define SILENT_LISTED 4

/* The sequence numbers of a replica's reports. Normally each report's number is one more than that
 * of the report before. */
typedef struct {
  guint64 last; /* number of the last accepted report */
  /* flag: the last accepted report continued the sequence of numbers without a gap */
  gboolean steady;
  gboolean has_gap; /* numbers were skipped */
  guint64 before;   /* last accepted number before the gap in the numbers */
} ReportOrder;

typedef struct {
  gchar *name;
  ReportOrder order;
  gdouble heard;                     /* time of the replica's last report, s */
  gdouble intervals[RECENT_REPORTS]; /* intervals of the replica's last reports, s */
  guint64 reports;
  gdouble interval; /* longest time until the replica's next report, s */
  /* rate at which the replica counts frames while it is always busy, frames/s; 0: unknown */
  gdouble speed;
  /* number of frames counted by the replica, with less weight for older frames, see STEADY */
  gdouble counted;
  /* time (s) that the replica worked for the frames in `counted`, with the same weights */
  gdouble worked;
  gdouble stalled;   /* time (s) for which frames have waited, but the replica has counted none */
  gdouble delivered; /* rate at which the replica counts frames, frames/s */
  gdouble lag;       /* number of frames that waited for the replica at its last report */
  gdouble listed;    /* time when a report of the replica last listed this camera, s */
  gboolean leaving;
  guint slot;   /* the replica's number in the placement */
  guint own;    /* index of this camera in the replica's last report */
  guint cursor; /* index of the next camera to read in the replica's reports */
} Replica;

struct _RateController {
  gchar *camera;
  gchar *session;
  RateSettings settings;
  GPtrArray *replicas; /* of Replica */
  GHashTable *index;   /* name to Replica */
  Placement *placement;
  FairShare *share;

  gdouble rate;     /* frames/s of this camera */
  gdouble total;    /* frames/s of all cameras */
  gdouble heard;    /* time of the last report of any replica, s */
  gdouble listed;   /* time of the last report that listed this camera, s */
  gdouble interval; /* time between two reports of a replica, s */
  /* number of rounds of reports; each used report adds 1 divided by the number of replicas */
  gdouble rounds;
  gdouble gain;
  gdouble activity;  /* see rate_controller_set_activity() */
  gdouble probed;    /* time when the algorithm `thesis` last doubled the rate, s */
  gdouble link_rate; /* rate that the sink last requested, frames/s; 0: it never throttled */
  gdouble link_top;  /* highest rate of the sink's latest requests, frames/s */
  gdouble link_time; /* time of the sink's last request, s */

  guint64 sent; /* frames of this session */
  /* number of this session's frames up to the latest frame that a report covers */
  guint64 answered;
  gboolean any_answer; /* a report covers at least one frame of this session */
  gdouble round_trip;  /* shortest recent round trip, s; 0: unknown */
  gdouble sent_times[SENT_TIMES];

  guint64 reports, old_reports, displaced;
};

/* Sums over the replicas that count this camera's frames. */
typedef struct {
  guint replicas;
  gdouble speed, delivered; /* frames/s */
  gdouble queue;            /* frames */
  gdouble counted, worked;  /* sums of the fields of Replica with these names */
  /* rate that these replicas could reach, frames/s, computed from `counted` and `worked` of each
   * replica */
  gdouble able;
} Fog;

static void
replica_free (Replica *replica)
{
  g_free (replica->name);
  g_free (replica);
}

static FairShareTerms
own_terms (const RateSettings *settings)
{
  return (FairShareTerms){settings->min_rate, settings->max_rate, settings->weight};
}

static gdouble
clamp_rate (const RateController *self, gdouble rate)
{
  return CLAMP (
      rate, self->settings.min_rate, MAX (self->settings.max_rate, self->settings.min_rate));
}

RateController *
rate_controller_new (
    const gchar *camera, const gchar *session, const RateSettings *settings, gdouble now)
{
  RateController *self = g_new0 (RateController, 1);
  FairShareTerms terms = own_terms (settings);

  self->camera = g_strdup (camera);
  self->session = g_strdup (session);
  self->settings = *settings;
  self->replicas = g_ptr_array_new_with_free_func ((GDestroyNotify) replica_free);
  self->index = g_hash_table_new (g_str_hash, g_str_equal);
  self->placement = placement_new (g_str_hash (camera) ^ g_str_hash (session));
  self->share = fair_share_new (camera, &terms);
  self->rate = self->total = clamp_rate (self, settings->initial_rate);
  self->heard = self->probed = now;
  self->listed = -G_MAXDOUBLE;
  self->interval = DEFAULT_INTERVAL;
  self->gain = self->activity = 1;
  return self;
}

void
rate_controller_free (RateController *self)
{
  g_free (self->camera);
  g_free (self->session);
  g_hash_table_unref (self->index);
  g_ptr_array_unref (self->replicas);
  placement_free (self->placement);
  fair_share_free (self->share);
  g_free (self);
}

void
rate_controller_configure (RateController *self, const RateSettings *settings)
{
  FairShareTerms terms = own_terms (settings);

  /* A new initial rate takes effect at once if no report has come yet, or with the algorithm
   * `fixed`. */
  if (settings->algorithm == RATE_ALGORITHM_FIXED || self->reports == 0)
    self->rate = self->total = settings->initial_rate;
  self->settings = *settings;
  self->rate = clamp_rate (self, self->rate);
  fair_share_set_terms (self->share, &terms);
}

/* --- learning from a report about its replica --- */

static Replica *
add_replica (RateController *self, const gchar *name)
{
  Replica *replica = g_new0 (Replica, 1);

  replica->name = g_strdup (name);
  replica->slot = placement_add (self->placement);
  replica->heard = replica->listed = -G_MAXDOUBLE;
  g_ptr_array_add (self->replicas, replica);
  g_hash_table_insert (self->index, replica->name, replica);
  return replica;
}

static void
forget_replica (RateController *self, guint i)
{
  Replica *replica = g_ptr_array_index (self->replicas, i);

  placement_remove (self->placement, replica->slot);
  g_hash_table_remove (self->index, replica->name);
  g_ptr_array_remove_index_fast (self->replicas, i);
}

static void
forget_replicas (RateController *self, gdouble now)
{
  for (guint i = self->replicas->len; i-- > 0;) {
    const Replica *replica = g_ptr_array_index (self->replicas, i);

    if (now - replica->heard >= FORGET_REPLICA)
      forget_replica (self, i);
  }
}

static gboolean
is_alive (const Replica *replica, gdouble now)
{
  return !replica->leaving && now - replica->heard <= SILENCE * replica->interval;
}

/* Returns TRUE if @a is forgotten before @b. Replicas that have stopped reporting are forgotten
 * first, then replicas with only one report, then the replica whose last report is the oldest, so
 * that a flood of reports with new names doesn't displace a replica that reports regularly. */
static gboolean
goes_before (const Replica *a, const Replica *b, gdouble now)
{
  if (is_alive (a, now) != is_alive (b, now))
    return !is_alive (a, now);
  if ((a->reports > 1) != (b->reports > 1))
    return a->reports <= 1;
  return a->heard < b->heard;
}

static void
make_room (RateController *self, gdouble now)
{
  guint first = 0;

  forget_replicas (self, now);
  if (self->replicas->len < RATE_CONTROLLER_REPLICAS)
    return;
  for (guint i = 1; i < self->replicas->len; i++)
    if (goes_before (
            g_ptr_array_index (self->replicas, i), g_ptr_array_index (self->replicas, first), now))
      first = i;
  forget_replica (self, first);
  self->displaced++;
}

/* Returns the time, in s, within which each replica that gets frames of this camera lists the
 * camera in a report. If the frames have a key, only the few replicas of the key's partitions list
 * the camera, and only these replicas count for its rate. */
static gdouble
listing_period (const RateController *self)
{
  return 3 * self->replicas->len / MAX (self->rate, 0.01);
}

static gboolean
lists (gdouble listed, gdouble interval, gdouble period, gdouble now)
{
  return now - listed <= MAX (10 * interval, period);
}

/* Returns TRUE if the replica counts this camera's frames. If no replica lists the camera, perhaps
 * because its frames get too old in the queues, each living replica is assumed to count its
 * frames. */
static gboolean
counts (const RateController *self, const Replica *replica, gdouble period, gdouble now)
{
  return is_alive (replica, now) && (lists (replica->listed, replica->interval, period, now) ||
                                        !lists (self->listed, self->interval, period, now));
}

static gdouble
measured_speed (const FogReport *report)
{
  gdouble busy = report->busy / report->workers;

  if (report->frames == 0 || !(busy > 0))
    return 0;
  return MIN (report->frames / busy, MAX_WORKER_RATE * report->workers);
}

/* Returns TRUE if frames waited at the replica's last report and wait now, and the replica counted
 * no frame in between. */
static gboolean
is_stalled (const Replica *replica, const FogReport *report)
{
  return report->frames == 0 && report->lag > 0 && replica->lag > 0;
}

/* Learns the cost of a frame, which is the time that the replica works for it, including a stall,
 * but not the time for which the replica has no work. The time of a stall is added only once,
 * although the report after the stall covers it again. */
static void
learn_cost (Replica *replica, const FogReport *report)
{
  gdouble interval = CLAMP (report->interval, LEAST_MEASURED, MAX_INTERVAL);
  gdouble speed = measured_speed (report);
  gboolean stalled = is_stalled (replica, report);
  gdouble rest = exp (-interval / (stalled ? STEADY_STALLED : STEADY));

  if (speed > 0 || stalled) {
    replica->counted = replica->counted * rest + report->frames;
    replica->worked = replica->worked * rest +
                      (stalled ? interval : MAX (report->frames / speed - replica->stalled, 0));
  }
  replica->stalled = stalled ? replica->stalled + interval : 0;
}

/* @trust: 1 for a report about the usual interval; less for an early report, which measured a
 * shorter time */
static void
learn_speed (Replica *replica, const FogReport *report, gdouble trust)
{
  gdouble speed = measured_speed (report);

  /* After a stall the replica hangs, or needs longer than the time `stalled` for a frame. */
  if (replica->stalled > 0)
    replica->speed =
        MIN (replica->speed, MAX (replica->speed * (1 - trust / 2), 1 / replica->stalled));
  else if (speed > 0 && replica->speed <= 0)
    replica->speed = speed;
  else if (speed > 0)
    replica->speed +=
        (speed - replica->speed) * (speed < SUDDEN_FALL * replica->speed ? trust : trust / 2);
}

/* A replica sends an early report when its partitions change, so the longest of the latest
 * intervals says when its next report is due. Returns: how far the report is trusted, 0 to 1 */
static gdouble
learn_interval (const RateController *self, Replica *replica, const FogReport *report)
{
  gdouble longest = 0;

  replica->intervals[replica->reports++ % RECENT_REPORTS] =
      CLAMP (report->interval, MIN_INTERVAL, MAX_INTERVAL);
  for (guint i = 0; i < RECENT_REPORTS; i++)
    longest = MAX (longest, replica->intervals[i]);
  replica->interval = replica->reports >= RECENT_REPORTS ? longest : MAX (longest, self->interval);
  return report->interval >= USUAL * longest ? 1 : report->interval / longest;
}

static gboolean
is_session (const RateController *self, const FogReportCamera *camera)
{
  return camera->session && g_str_equal (camera->session, self->session);
}

/* Returns: (nullable): this camera's entry. Looks first at the index that the camera had in the
 * replica's previous report, because it is mostly the same. */
static const FogReportCamera *
find_own (const RateController *self, Replica *replica, const FogReport *report)
{
  const FogReportCamera *camera;

  if (replica->own < report->cameras->len) {
    camera = g_ptr_array_index (report->cameras, replica->own);
    if (g_str_equal (camera->camera, self->camera))
      return camera;
  }
  for (guint i = 0; i < report->cameras->len; i++) {
    camera = g_ptr_array_index (report->cameras, i);
    if (g_str_equal (camera->camera, self->camera)) {
      replica->own = i;
      return camera;
    }
  }
  return NULL;
}

static void
learn_answer (RateController *self, const FogReportCamera *camera, gdouble now)
{
  gdouble round_trip;

  if (!is_session (self, camera) || camera->last_seq >= self->sent ||
      (self->any_answer && camera->last_seq < self->answered))
    return;
  self->any_answer = TRUE;
  if (self->sent - camera->last_seq <= SENT_TIMES) {
    round_trip = MAX (now - self->sent_times[camera->last_seq % SENT_TIMES], 0);
    if (self->round_trip <= 0 || round_trip < self->round_trip)
      self->round_trip = round_trip;
    else
      self->round_trip += 0.05 * (MIN (round_trip, MAX_INTERVAL) - self->round_trip);
  }
  self->answered = camera->last_seq + 1;
}

/* Learns from a report's list of cameras. Of a long list, each report's call reads only a part: the
 * reports of all replicas in an interval together cover each camera. */
static void
learn_cameras (RateController *self, Replica *replica, const FogReport *report)
{
  guint all = report->cameras->len;
  guint some = MAX (MIN_LISTED, 5 * all / (4 * self->replicas->len));

  for (guint i = 0; i < all && i < SILENT_LISTED * some && some > 0; i++) {
    const FogReportCamera *camera = g_ptr_array_index (report->cameras, replica->cursor++ % all);
    FairShareTerms terms = {camera->min, camera->max, camera->weight};

    /* A camera that sends with still-interval counts as active even if it sent no frame. */
    if (camera->frames == 0 && camera->still_interval <= 0)
      continue;
    fair_share_see (self->share, camera->camera, &terms, self->rounds, replica->interval);
    some--;
  }
}

static void
learn (RateController *self, Replica *replica, const FogReport *report, gdouble now)
{
  const FogReportCamera *own = find_own (self, replica, report);
  gdouble trust = learn_interval (self, replica, report);
  gdouble delivered = report->frames / MAX (report->interval, LEAST_MEASURED);

  replica->heard = now;
  replica->delivered += (delivered - replica->delivered) * trust;
  learn_cost (replica, report);
  learn_speed (replica, report, trust);
  replica->lag = (gdouble) report->lag;
  replica->leaving = report->leaving;
  if (own) {
    replica->listed = self->listed = now;
    learn_answer (self, own, now);
  }
  if (counts (self, replica, listing_period (self), now))
    learn_cameras (self, replica, report);
  placement_set_partitions (self->placement, replica->slot,
      (const gint *) (gpointer) report->partitions->data, report->partitions->len);
}

/* --- the algorithms --- */

/* Returns an estimate of the number of frames that wait for the replica now: the number in its last
 * report, plus the frames that came since, minus the frames that the replica counted since. @speed:
 * the sum of the speeds of all replicas, frames/s */
static gdouble
queue_of (const RateController *self, const Replica *replica, gdouble speed, gdouble now)
{
  gdouble coming = speed > 0 ? self->total * replica->speed / speed : 0;

  return MAX (replica->lag + (coming - self->gain * replica->speed) * (now - replica->heard), 0);
}

static Fog
sum_up (const RateController *self, gdouble wait, gdouble now)
{
  Fog fog = {0};

  for (guint i = 0; i < self->replicas->len; i++) {
    const Replica *replica = g_ptr_array_index (self->replicas, i);

    if (!counts (self, replica, wait, now))
      continue;
    fog.replicas++;
    fog.speed += replica->speed;
    fog.delivered += replica->delivered;
    fog.counted += replica->counted;
    fog.worked += replica->worked;
  }
  for (guint i = 0; i < self->replicas->len; i++) {
    const Replica *replica = g_ptr_array_index (self->replicas, i);

    if (!counts (self, replica, wait, now))
      continue;
    fog.queue += queue_of (self, replica, fog.speed, now);
    if (fog.worked > 0)
      fog.able +=
          (replica->counted + UNKNOWN * fog.counted / fog.worked) / (replica->worked + UNKNOWN);
  }
  return fog;
}

static gdouble
target_queue (const RateController *self, gdouble capacity)
{
  return MAX (MIN_QUEUE, self->settings.latency_target * capacity);
}

/* Returns TRUE if the replicas wait for frames, because the cameras or a link deliver fewer than
 * the replicas could count. While replicas wait for frames, a short queue says nothing about their
 * capacity. All cameras get the same reports, so they come to the same result. */
static gboolean
is_idle (const Fog *fog)
{
  return fog->delivered < BUSY * fog->speed;
}

static void
drift_gain (RateController *self, const Fog *fog, gdouble target)
{
  gdouble step = self->interval > 2 ? 0.04 : 0.02;
  gdouble error = CLAMP ((target - fog->queue) / target, -1, 1);

  if (error > 0 && is_idle (fog))
    error = CLAMP (10 * (1 - self->gain), -0.5, 0.5);
  /* With many replicas, more reports come, so each report changes the gain less: in sum, the gain
   * changes as fast as with three replicas. */
  step *= MIN (1, 3.0 / fog->replicas);
  self->gain = CLAMP (self->gain * (1 + step * error), MIN_GAIN, MAX_GAIN);
}

/* Returns the rate, in frames/s, of the frames that the camera didn't send because they show
 * nothing new, but that it could have sent at its present rate. */
static gdouble
unsent_rate (const RateController *self)
{
  return (1 - self->activity) * self->rate;
}

static void
apply_adaptive (RateController *self, gdouble now)
{
  Fog fog = sum_up (self, listing_period (self), now);
  gdouble capacity = self->gain * fog.speed, target = target_queue (self, capacity);
  gdouble missing = target - fog.queue;

  if (fog.speed <= 0)
    return;
  self->rounds += 1.0 / fog.replicas;
  drift_gain (self, &fog, target);
  capacity = self->gain * fog.speed;
  self->total = capacity + missing / (missing > 0 ? 2 * self->interval : self->interval);
  self->total = MIN (
      self->total, MAX_GROWTH * MAX (fog.delivered + unsent_rate (self), self->settings.min_rate));
  self->total = MAX (self->total, 0);
  self->rate = clamp_rate (self, fair_share_of (self->share, self->total, self->rounds));
}

/* The rule of the thesis that this system began with: the camera sends as many frames as were
 * counted according to the latest report. Once per THESIS_PROBE the rate doubles, to find out
 * whether the replicas would count more frames. */
static void
apply_thesis (RateController *self, const Replica *replica, gdouble now)
{
  gdouble rate = replica->delivered;

  if (now - self->probed >= THESIS_PROBE) {
    rate *= 2;
    self->probed = now;
  }
  self->rate = self->total = clamp_rate (self, rate);
}

/* Sets the replica's weight in the placement: the rate that the replica can count, plus the rate
 * that fills its queue to the wanted length. */
static void
weigh (RateController *self, const Replica *replica)
{
  gdouble wanted = self->settings.latency_target * replica->speed;
  gdouble weight = replica->speed + (MAX (wanted, 1) - replica->lag) / replica->interval;

  /* A replica that has counted no frame gets a few frames, because its speed is unknown. */
  if (replica->speed <= 0)
    weight = replica->lag > 0 ? 0.1 : 1;
  placement_set_weight (
      self->placement, replica->slot, replica->leaving ? 0 : MAX (weight, 0.02 * replica->speed));
}

/* Returns TRUE if the report with the number @seq is accepted. An accepted number is larger than
 * the last one, or is the first number of a gap. A number comes after larger numbers if its report
 * was delayed, or if another sender of the larger numbers uses the replica's name. */
static gboolean
is_next (const ReportOrder *order, guint64 seq)
{
  return seq > order->last || (order->has_gap && seq == order->before + 1);
}

/* Notes an accepted number. A number that skips others leaves a gap in the sequence. If the next
 * reports don't continue from the larger number, the sequence goes on with the first number of the
 * gap, even if larger numbers came several times. */
static void
take_seq (ReportOrder *order, guint64 seq)
{
  gboolean goes_on = seq < order->last, follows = seq == order->last + 1;

  if (goes_on) {
    order->has_gap = FALSE;
  } else if (!follows && (order->steady || !order->has_gap)) {
    order->has_gap = TRUE;
    order->before = order->last;
  }
  order->steady = goes_on || follows;
  order->last = seq;
}

/* Returns TRUE if the report is accepted. The first report after a long silence is always accepted,
 * because the replica may have restarted, and then numbers its reports from 0. */
static gboolean
note_order (Replica *replica, guint64 seq, gdouble now)
{
  if (!is_alive (replica, now))
    replica->order = (ReportOrder){.last = seq, .steady = TRUE};
  else if (is_next (&replica->order, seq))
    take_seq (&replica->order, seq);
  else
    return FALSE;
  return TRUE;
}

/* Returns the rate, in frames/s. The rate falls step by step while no report of any replica
 * comes. */
static gdouble
rate_in_silence (const RateController *self, gdouble now)
{
  gdouble silence = (now - self->heard) / self->interval - SILENCE_OF_ALL;

  if (self->settings.algorithm != RATE_ALGORITHM_ADAPTIVE || silence < 0)
    return self->rate;
  return clamp_rate (self, self->rate * pow (DECAY, floor (silence) + 1));
}

gboolean
rate_controller_report (RateController *self, const FogReport *report, gdouble now)
{
  Replica *replica = g_hash_table_lookup (self->index, report->replica);

  if (!replica) {
    make_room (self, now);
    replica = add_replica (self, report->replica);
  }
  if (!note_order (replica, report->seq, now)) {
    self->old_reports++;
    return FALSE;
  }
  self->rate = rate_in_silence (self, now);
  learn (self, replica, report, now);
  self->reports++;
  self->heard = now;
  self->interval = replica->interval;
  weigh (self, replica);
  if (self->settings.algorithm == RATE_ALGORITHM_ADAPTIVE)
    apply_adaptive (self, now);
  else if (self->settings.algorithm == RATE_ALGORITHM_THESIS)
    apply_thesis (self, replica, now);
  return TRUE;
}

void
rate_controller_throttle (RateController *self, gdouble rate, gdouble now)
{
  rate = MAX (rate, 0.001);
  self->link_top = now - self->link_time > 2 * LINK_HOLD ? rate : MAX (self->link_top, rate);
  self->link_rate = rate;
  self->link_time = now;
}

void
rate_controller_set_activity (RateController *self, gdouble activity)
{
  self->activity = activity;
}

void
rate_controller_sent (RateController *self, guint64 seq, gdouble now)
{
  self->sent = seq + 1;
  self->sent_times[seq % SENT_TIMES] = now;
}

/* Returns the limit of the link in frames/s; 0: no limit. A limit that has grown beyond the maximum
 * rate counts as no limit, so that the number never overflows. */
static gdouble
link_limit (const RateController *self, gdouble now)
{
  gdouble past = now - self->link_time - LINK_HOLD, growth;

  if (self->link_rate <= 0)
    return 0;
  if (past <= 0)
    return self->link_rate;
  growth = pow (LINK_GROWTH, past + LINK_SURGE * past * past);
  return growth > self->settings.max_rate / self->link_top ? 0 : self->link_top * growth;
}

gdouble
rate_controller_get_rate (const RateController *self, gdouble now)
{
  gdouble rate = rate_in_silence (self, now), link = link_limit (self, now);

  if (self->settings.algorithm == RATE_ALGORITHM_FIXED || link <= 0)
    return rate;
  return MIN (rate, MAX (link, self->settings.min_rate));
}

static RateBound
find_bound (const RateController *self, gdouble now)
{
  gdouble rate = rate_controller_get_rate (self, now);

  if (self->settings.algorithm == RATE_ALGORITHM_FIXED || rate >= self->settings.max_rate)
    return RATE_BOUND_CAMERA;
  if (rate <= self->settings.min_rate)
    return RATE_BOUND_MINIMUM;
  return rate < rate_in_silence (self, now) ? RATE_BOUND_LINK : RATE_BOUND_FOG;
}

gboolean
rate_controller_may_send (const RateController *self, gdouble now)
{
  /* time (s) after which a report must cover a frame, even if the frame waits for the longest
   * allowed time */
  gdouble longest = self->round_trip + self->settings.latency_target + SILENCE * self->interval;
  gdouble most = MAX (MIN_IN_FLIGHT, self->rate * longest);

  if (self->settings.algorithm != RATE_ALGORITHM_ADAPTIVE || !self->any_answer)
    return TRUE;
  /* Even if too many frames are in flight, frames are sent at the minimum rate, because otherwise
   * no report would ever come. */
  return self->sent - self->answered < most ||
         now - self->sent_times[(self->sent - 1) % SENT_TIMES] >= 1 / self->settings.min_rate;
}

gint
rate_controller_next_partition (RateController *self, gdouble now)
{
  for (guint i = 0; i < self->replicas->len; i++) {
    const Replica *replica = g_ptr_array_index (self->replicas, i);

    if (!is_alive (replica, now))
      placement_set_weight (self->placement, replica->slot, 0);
  }
  return placement_next (self->placement);
}

void
rate_controller_get_state (const RateController *self, gdouble now, RateState *state)
{
  /* An element that has sent no frames runs only for its statistics, which then cover all
   * replicas. */
  Fog fog = sum_up (self, self->sent == 0 ? G_MAXDOUBLE : listing_period (self), now);
  gdouble capacity = self->gain * fog.speed;
  gdouble demand = fog.able > 0 ? fair_share_demand (self->share, self->activity) / fog.able : 0;

  *state = (RateState){
      .replicas = fog.replicas,
      .cameras = fair_share_count (self->share),
      .capacity = capacity,
      .delivered = fog.delivered,
      .demand = demand,
      .needed = demand * fog.replicas,
      .queue = fog.queue,
      .gain = self->gain,
      .link_rate = link_limit (self, now),
      .bound = find_bound (self, now),
      .round_trip = self->round_trip,
      .in_flight = self->sent - self->answered,
      .reports = self->reports,
      .old_reports = self->old_reports,
      .displaced_replicas = self->displaced,
  };
}
