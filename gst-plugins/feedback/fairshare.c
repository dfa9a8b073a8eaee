/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fairshare.h"

#include <string.h>

/* The number of cameras is limited, because their names come from the network, and must not fill
 * the memory. */
#define MAX_CAMERAS 16384
#define MAX_NAME 256
/* The maximum (frames/s) of a camera whose maximum is unknown: a camera with this maximum takes any
 * share. */
#define NO_MAX 1e6
/* Number of cameras up to which each call computes the level (FairShare's frames/s for each
 * unit of weight). With more cameras, a computed level is used for several calls. */
#define FEW_CAMERAS 64
#define REPORTS_PER_LEVEL(cameras) ((cameras) / 16)
#define MAX_STEPS 32
/* Bounds of a weight. With weights outside of these bounds, the search for the level would need too
 * many steps. */
#define MIN_WEIGHT 0.001
#define MAX_WEIGHT 1e6
/* The smallest and the largest number of rounds of reports that don't list a camera after which the
 * camera is forgotten. A camera that sends often is forgotten after fewer rounds than one that
 * sends rarely. */
#define MIN_ROUNDS_OMITTED 2.5
#define MAX_ROUNDS_OMITTED 30.0

typedef struct {
  gchar *name;
  FairShareTerms terms;
  gdouble until; /* number of the round of reports after which the camera is forgotten */
} Camera;

struct _FairShare {
  GArray *cameras; /* array of Camera; the first one is this camera */
  GHashTable *index;
  gdouble level;      /* frames/s that a camera gets for each unit of its weight, see FairShare */
  gdouble level_rate; /* the rate that `level` divides among all cameras, frames/s */
  guint uses_left;    /* number of uses of `level` before it is computed again */
};

static FairShareTerms
sane (const FairShareTerms *terms)
{
  FairShareTerms t = *terms;

  t.weight = t.weight > 0 ? CLAMP (t.weight, MIN_WEIGHT, MAX_WEIGHT) : 1;
  t.max = t.max > 0 && t.max <= FAIR_SHARE_HIGHEST ? t.max : NO_MAX;
  t.min = t.min <= FAIR_SHARE_HIGHEST ? CLAMP (t.min, 0, t.max) : 0;
  return t;
}

static Camera *
camera_at (const FairShare *self, guint i)
{
  return &g_array_index (self->cameras, Camera, i);
}

static void
camera_clear (gpointer camera)
{
  g_free (((Camera *) camera)->name);
}

static void
add (FairShare *self, const gchar *name, const FairShareTerms *terms, gdouble until)
{
  Camera camera = {g_strdup (name), *terms, until};

  g_hash_table_insert (self->index, camera.name, GUINT_TO_POINTER (self->cameras->len));
  g_array_append_val (self->cameras, camera);
  self->uses_left = 0;
}

FairShare *
fair_share_new (const gchar *camera, const FairShareTerms *terms)
{
  FairShare *self = g_new0 (FairShare, 1);
  FairShareTerms own = sane (terms);

  self->cameras = g_array_new (FALSE, FALSE, sizeof (Camera));
  g_array_set_clear_func (self->cameras, camera_clear);
  self->index = g_hash_table_new (g_str_hash, g_str_equal);
  add (self, camera, &own, G_MAXDOUBLE);
  return self;
}

void
fair_share_free (FairShare *self)
{
  g_hash_table_unref (self->index);
  g_array_unref (self->cameras);
  g_free (self);
}

void
fair_share_set_terms (FairShare *self, const FairShareTerms *terms)
{
  camera_at (self, 0)->terms = sane (terms);
  self->uses_left = 0;
}

/* Returns the number of rounds of reports in which a camera may be missing although it sends at the
 * rate of its share. */
static gdouble
rounds_omitted (const FairShare *self, const FairShareTerms *terms, gdouble interval)
{
  gdouble rate = CLAMP (terms->weight * self->level, terms->min, terms->max);

  return CLAMP (1.5 + 1.5 / MAX (rate * interval, 0.01), MIN_ROUNDS_OMITTED, MAX_ROUNDS_OMITTED);
}

void
fair_share_see (FairShare *self, const gchar *camera, const FairShareTerms *terms, gdouble round,
    gdouble interval)
{
  FairShareTerms t = sane (terms);
  gdouble until = round + rounds_omitted (self, &t, interval);
  gpointer found;

  if (!g_hash_table_lookup_extended (self->index, camera, NULL, &found)) {
    if (self->cameras->len < MAX_CAMERAS && strlen (camera) <= MAX_NAME)
      add (self, camera, &t, until);
    return;
  }
  if (GPOINTER_TO_UINT (found) == 0)
    return;
  camera_at (self, GPOINTER_TO_UINT (found))->terms = t;
  camera_at (self, GPOINTER_TO_UINT (found))->until = until;
}

guint
fair_share_count (const FairShare *self)
{
  return self->cameras->len;
}

gdouble
fair_share_demand (const FairShare *self, gdouble activity)
{
  gdouble own = camera_at (self, 0)->terms.max, sum = own * activity;

  /* A camera whose maximum is unknown is assumed to have the same maximum as this camera. */
  for (guint i = 1; i < self->cameras->len; i++) {
    gdouble max = camera_at (self, i)->terms.max;

    sum += max < NO_MAX ? max : own;
  }
  return sum;
}

static void
forget_silent (FairShare *self, gdouble round)
{
  for (guint i = self->cameras->len - 1; i > 0; i--) {
    if (camera_at (self, i)->until >= round)
      continue;
    g_hash_table_remove (self->index, camera_at (self, i)->name);
    g_array_remove_index_fast (self->cameras, i);
    if (i < self->cameras->len)
      g_hash_table_insert (self->index, camera_at (self, i)->name, GUINT_TO_POINTER (i));
  }
}

/* Returns: the rate that all cameras take at @level, frames/s. @slope: (out): the sum of the
 * weights of the cameras that would take more at a higher level */
static gdouble
taken_at (const FairShare *self, gdouble level, gdouble *slope)
{
  gdouble sum = 0;

  *slope = 0;
  for (guint i = 0; i < self->cameras->len; i++) {
    const FairShareTerms *t = &camera_at (self, i)->terms;
    gdouble wanted = t->weight * level;

    if (wanted >= t->max) {
      sum += t->max;
    } else if (wanted < t->min) {
      sum += t->min;
    } else {
      sum += wanted;
      *slope += t->weight;
    }
  }
  return sum;
}

static gdouble
highest_level (const FairShare *self)
{
  gdouble level = 0;

  for (guint i = 0; i < self->cameras->len; i++) {
    const FairShareTerms *t = &camera_at (self, i)->terms;

    level = MAX (level, t->max / t->weight);
  }
  return level;
}

/* Finds the level at which all cameras together take @rate. taken_at() is a piecewise linear
 * function of the level, so Newton's method finds it. `low` and `high` are levels that are known to
 * be too low and too high; a Newton step to a level outside of them is replaced by their mean. */
static void
find_level (FairShare *self, gdouble rate)
{
  gdouble low = 0, high = highest_level (self), slope, level = self->level;

  if (rate <= taken_at (self, low, &slope))
    level = low;
  else if (rate >= taken_at (self, high, &slope))
    level = high;
  else if (level <= low || level >= high)
    level = high / 2;
  for (guint i = 0; level > low && level < high && i < MAX_STEPS; i++) {
    gdouble missing = rate - taken_at (self, level, &slope);

    if (ABS (missing) <= rate * 1e-6)
      break;
    if (missing > 0)
      low = level;
    else
      high = level;
    level = slope > 0 ? level + missing / slope : high;
    if (slope <= 0 || level <= low || level >= high)
      level = (low + high) / 2;
  }
  self->level = level;
  self->level_rate = rate;
  self->uses_left = REPORTS_PER_LEVEL (self->cameras->len);
}

gdouble
fair_share_of (FairShare *self, gdouble rate, gdouble round)
{
  const FairShareTerms *own = &camera_at (self, 0)->terms;

  if (self->cameras->len <= FEW_CAMERAS || self->uses_left == 0) {
    forget_silent (self, round);
    find_level (self, MAX (rate, 1e-9));
  } else {
    self->uses_left--;
  }
  return CLAMP (own->weight * self->level * (rate / self->level_rate), own->min, own->max);
}
