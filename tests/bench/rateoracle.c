/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rateoracle.h"

/* The number of parts into which the spread of a frame's cost is divided. */
#define COSTS 20

typedef struct {
  gdouble age;    /* s */
  gdouble frames; /* number of frames with this age */
} Share;

static gint
compare_ages (gconstpointer a, gconstpointer b)
{
  gdouble difference = ((const Share *) a)->age - ((const Share *) b)->age;

  return difference < 0 ? -1 : difference > 0;
}

static gint
compare_speeds (gconstpointer a, gconstpointer b)
{
  gdouble difference = *(const gdouble *) b - *(const gdouble *) a;

  return difference < 0 ? -1 : difference > 0;
}

/* Returns the link's rate at a time, frames/s of each camera; 0: no limit. */
static gdouble
link_rate_at (const RateTrace *trace, gdouble time)
{
  gdouble rate = 0;

  for (guint i = 0; i < trace->link_times->len; i++) {
    if (g_array_index (trace->link_times, gdouble, i) <= time)
      rate = g_array_index (trace->link_rates, gdouble, i);
  }
  return rate;
}

static void
add_frames (GArray *shares, gdouble frames, gdouble speed, gdouble link_rate)
{
  gdouble way = RATE_MODEL_DELAY + (link_rate > 0 ? 1 / link_rate : 0);

  for (guint i = 0; i < COSTS; i++) {
    gdouble cost = 1 + RATE_MODEL_SPREAD * (2 * (i + 0.5) / COSTS - 1);
    Share share = {way + cost / speed, frames / COSTS};

    g_array_append_val (shares, share);
  }
}

/* Adds the frames of a span of time in which nothing changes, the fastest replicas' first. */
static void
add_span (GArray *shares, const RateTrace *trace, guint line, gdouble began, gdouble ended,
    const RateModelSettings *settings)
{
  g_autofree gdouble *speeds =
      g_memdup2 (&g_array_index (trace->speeds, gdouble, line * trace->replicas),
          trace->replicas * sizeof (gdouble));
  gdouble link_rate = link_rate_at (trace, began);
  gdouble most = MIN (settings->settings.max_rate, RATE_MODEL_SENSOR_RATE), left;

  if (link_rate > 0)
    most = MIN (most, link_rate);
  left = most * (trace->cameras ? trace->cameras : settings->cameras);
  qsort (speeds, trace->replicas, sizeof (gdouble), compare_speeds);
  for (guint i = 0; i < trace->replicas && speeds[i] > 0 && left > 0; i++) {
    gdouble rate = MIN (speeds[i], left);

    add_frames (shares, rate * (ended - began), speeds[i], link_rate);
    left -= rate;
  }
}

/* Returns the first time after @time at which replicas or links change. */
static gdouble
next_change (const RateTrace *trace, gdouble time)
{
  gdouble next = rate_trace_seconds (trace);
  const GArray *const changes[] = {trace->times, trace->link_times};

  for (guint which = 0; which < G_N_ELEMENTS (changes); which++) {
    for (guint i = 0; i < changes[which]->len; i++) {
      gdouble change = g_array_index (changes[which], gdouble, i);

      if (change > time)
        next = MIN (next, change);
    }
  }
  return next;
}

static gdouble
frames_of (const GArray *shares)
{
  gdouble frames = 0;

  for (guint i = 0; i < shares->len; i++)
    frames += g_array_index (shares, Share, i).frames;
  return frames;
}

/* Returns the age below which @part of all frames are, s. */
static gdouble
age_at (const GArray *shares, gdouble part)
{
  gdouble all = frames_of (shares), below = 0;

  for (guint i = 0; i < shares->len; i++) {
    below += g_array_index (shares, Share, i).frames;
    if (below >= part * all)
      return g_array_index (shares, Share, i).age;
  }
  return 0;
}

RateModelResult
rate_oracle_run (const RateTrace *trace, const RateModelSettings *settings)
{
  g_autoptr (GArray) shares = g_array_new (FALSE, FALSE, sizeof (Share));
  RateModelResult result = {.utilisation = 1};
  gdouble time = 0;
  guint line = 0;

  while (time < rate_trace_seconds (trace)) {
    gdouble next = next_change (trace, time);

    while (line + 1 < trace->times->len && g_array_index (trace->times, gdouble, line + 1) <= time)
      line++;
    add_span (shares, trace, line, time, next, settings);
    time = next;
  }
  g_array_sort (shares, compare_ages);
  result.p50 = age_at (shares, 0.5);
  result.p95 = age_at (shares, 0.95);
  result.p99 = age_at (shares, 0.99);
  result.max = age_at (shares, 1 - 1e-9);
  result.counted = (guint64) frames_of (shares);
  return result;
}
