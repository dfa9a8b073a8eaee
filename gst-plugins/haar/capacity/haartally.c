/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haartally.h"

#include <math.h>
#include <string.h>

#include "haarcpus.h"
#include "haarquantile.h"

/* The largest number of cameras in a report; the readers of reports refuse more. */
#define MAX_CAMERAS 4096
/* Headers may hold anything. The limits keep a report valid: if Kafka or its readers refused a
 * report because of one camera, they would lose the figures of all cameras. */
#define MAX_NAME 256
#define CAMERAS_ROOM 900000 /* bytes */
/* largest number of bytes for one camera in a report, without its names */
#define CAMERA_TEXT 180
/* largest number of bytes that `brightness`, `detail` and `frozen` of a camera add to a report */
#define LOOK_TEXT 60
/* largest number of bytes that a camera with a still picture needs in addition, without its
 * names */
#define STILL_TEXT 60
#define MAX_AGES 65536
#define SILENT_REPORTS 2
/* how long a camera may be silent, in intervals between its frames of a still picture */
#define SILENT_INTERVALS 2.5
#define LOOK_INTERVAL (100 * G_TIME_SPAN_MILLISECOND)

typedef struct {
  FogReportCamera counts;
  HaarRecent rested; /* for haar_costs_add() */
  gboolean regular;  /* the camera has sent more than one frame */
  guint silent;      /* number of reports since the camera's last frame */
  gint64 seen;       /* time of the camera's last frame, us, monotonic */
} Camera;

struct _HaarTally {
  gchar *replica;
  guint workers;
  gdouble share; /* workers a processor */
  /* Only the thread that calls haar_tally_add() uses `threads` and `looked`. */
  /* directory of this process's threads; NULL: other processes' threads can't be counted */
  GDir *threads;
  gint64 looked; /* time when other processes' threads were last counted, us, monotonic */

  GMutex lock; /* guards the fields below; a leaf lock */
  HaarCosts costs;
  /* for haar_costs_add(), like `rested` of a camera, but of the frames that name no camera */
  HaarRecent unnamed;
  gint64 since; /* time when the interval of the next report began, us, monotonic */
  guint64 seq;
  guint64 frames, faces;
  gdouble busy;
  gboolean begun;      /* a frame was counted */
  gdouble used;        /* processor time in s that the process had used at the last report */
  GArray *ages;        /* of gdouble; the latest MAX_AGES */
  guint64 n_ages;      /* frames added since the last report */
  GHashTable *cameras; /* name to Camera */
  guint64 unlisted;    /* number of times that a report left out a camera */
};

static void
camera_free (Camera *camera)
{
  g_free (camera->counts.session);
  g_free (camera);
}

HaarTally *
haar_tally_new (const gchar *replica, guint workers, gdouble cpus)
{
  HaarTally *self = g_new0 (HaarTally, 1);

  g_mutex_init (&self->lock);
  self->replica = g_strdup (replica);
  self->workers = workers;
  self->share = workers / cpus;
  self->threads = haar_cpus_open_own ();
  self->used = haar_cpus_used ();
  haar_costs_init (&self->costs, workers, &(HaarCpus){cpus, haar_cpus_of_machine ()});
  self->since = g_get_monotonic_time ();
  self->ages = g_array_new (FALSE, FALSE, sizeof (gdouble));
  self->cameras =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) camera_free);
  return self;
}

void
haar_tally_free (HaarTally *self)
{
  g_mutex_clear (&self->lock);
  g_free (self->replica);
  g_clear_pointer (&self->threads, g_dir_close);
  g_array_unref (self->ages);
  g_hash_table_unref (self->cameras);
  g_free (self);
}

static gboolean
is_name (const gchar *text)
{
  gsize n = 0;

  while (n <= MAX_NAME && text[n] && !g_ascii_iscntrl (text[n]))
    n++;
  return n <= MAX_NAME && !text[n];
}

/* Returns a number above 0 if @a is less important than @b. A camera that sent a single frame is
 * least important, then the camera whose last frame is oldest, so a flood of frames with new names
 * displaces only these names. */
static gint
compare_worth (const Camera *a, const Camera *b)
{
  if (a->regular != b->regular)
    return a->regular ? -1 : 1;
  return a->seen == b->seen ? 0 : a->seen > b->seen ? -1 : 1;
}

/* with the lock */
static void
make_room (HaarTally *self)
{
  gpointer name, value, worst = NULL;
  const Camera *last = NULL;
  GHashTableIter iter;

  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, &name, &value))
    if (!last || compare_worth (value, last) > 0) {
      last = value;
      worst = name;
    }
  g_hash_table_remove (self->cameras, worst);
  self->unlisted++;
}

/* with the lock */
static Camera *
find_camera (HaarTally *self, const gchar *name)
{
  Camera *camera = g_hash_table_lookup (self->cameras, name);

  if (camera) {
    camera->regular = TRUE;
    return camera;
  }
  if (g_hash_table_size (self->cameras) >= MAX_CAMERAS)
    make_room (self);
  camera = g_new0 (Camera, 1);
  camera->counts.weight = 1;
  g_hash_table_insert (self->cameras, g_strdup (name), camera);
  return camera;
}

/* Sets @known to the rate in a frame's header; NAN, from a frame without the header, leaves @known
 * as it is. */
static void
learn_rate (gdouble rate, gdouble *known)
{
  if (!isnan (rate))
    *known = rate;
}

static void
add_to_camera (Camera *camera, const HaarOrigin *origin)
{
  const gchar *session = origin->id.session;

  if (session && !is_name (session))
    session = NULL;
  camera->silent = 0;
  camera->seen = g_get_monotonic_time ();
  camera->counts.frames++;
  if (g_strcmp0 (session, camera->counts.session) != 0) {
    g_free (camera->counts.session);
    camera->counts.session = g_strdup (session);
    camera->counts.last_seq = 0;
  }
  if (origin->id.has_seq)
    camera->counts.last_seq = MAX (camera->counts.last_seq, origin->id.seq);
  learn_rate (origin->rate_min, &camera->counts.min);
  learn_rate (origin->rate_max, &camera->counts.max);
  learn_rate (origin->rate_weight, &camera->counts.weight);
  camera->counts.still_interval = (gdouble) origin->still_interval / GST_SECOND;
  camera->counts.still += origin->still_frames;
}

/* with the lock */
static void
add_age (HaarTally *self, gdouble age)
{
  if (self->ages->len < MAX_AGES)
    g_array_append_val (self->ages, age);
  else
    g_array_index (self->ages, gdouble, self->n_ages % MAX_AGES) = age;
  self->n_ages++;
}

/* Called with the lock: counts processor time from the first frame on, because the time that the
 * start took isn't part of any frame's cost. */
static void
begin (HaarTally *self, const HaarCost *first)
{
  self->begun = TRUE;
  self->used = MAX (self->used, haar_cpus_used () - first->cpu);
}

gdouble
haar_tally_add (
    HaarTally *self, const HaarOrigin *origin, guint faces, const HaarCost *cost, gdouble age)
{
  const gchar *name = origin->id.camera;
  Camera *camera;
  HaarRecent *rested = NULL;
  gdouble busy;

  g_mutex_lock (&self->lock);
  camera = name && is_name (name) ? find_camera (self, name) : NULL;
  if (camera || !name)
    rested = camera ? &camera->rested : &self->unnamed;
  busy = haar_costs_add (&self->costs, rested, cost, g_get_monotonic_time ());
  if (!self->begun)
    begin (self, cost);
  self->frames++;
  self->faces += faces;
  self->busy += busy;
  if (isfinite (age))
    add_age (self, age);
  if (camera)
    add_to_camera (camera, origin);
  g_mutex_unlock (&self->lock);
  return busy;
}

void
haar_tally_note_look (HaarTally *self, const gchar *name, const HaarLook *look)
{
  Camera *camera;

  g_mutex_lock (&self->lock);
  camera = g_hash_table_lookup (self->cameras, name);
  if (camera) {
    camera->counts.looked = TRUE;
    camera->counts.brightness = look->brightness;
    camera->counts.detail = look->detail;
    camera->counts.frozen = look->frozen;
  }
  g_mutex_unlock (&self->lock);
}

void
haar_tally_look_around (HaarTally *self)
{
  gint64 now = g_get_monotonic_time ();
  gint others;

  if (now < self->looked + LOOK_INTERVAL)
    return;
  self->looked = now;
  if (!haar_cpus_wanted_by_others (self->threads, &others))
    return;
  g_mutex_lock (&self->lock);
  haar_costs_note_others (&self->costs, others, now);
  g_mutex_unlock (&self->lock);
}

/* with the lock */
static void
take_ages (HaarTally *self, FogReport *report)
{
  gdouble *ages = (gdouble *) self->ages->data;
  guint n = self->ages->len;

  haar_sort (ages, n);
  report->age_p50 = n ? haar_quantile (ages, n, 0.5) : NAN;
  report->age_p95 = n ? haar_quantile (ages, n, 0.95) : NAN;
  g_array_set_size (self->ages, 0);
  self->n_ages = 0;
}

static void
list_camera (FogReport *report, const gchar *name, const FogReportCamera *counts)
{
  FogReportCamera *entry = fog_report_append_camera (report, name);

  entry->session = g_strdup (counts->session);
  entry->frames = counts->frames;
  entry->last_seq = counts->last_seq;
  entry->min = counts->min;
  entry->max = counts->max;
  entry->weight = counts->weight;
  entry->still_interval = counts->still_interval;
  entry->still = counts->still;
  entry->looked = counts->looked;
  entry->brightness = counts->brightness;
  entry->detail = counts->detail;
  entry->frozen = counts->frozen;
}

/* Returns the number of bytes of the camera's text in a report, with quotes escaped. */
static gsize
size_of (const gchar *name, const Camera *camera)
{
  const gchar *session = camera->counts.session;

  return CAMERA_TEXT + (camera->counts.still_interval > 0 ? STILL_TEXT : 0) +
         (camera->counts.looked ? LOOK_TEXT : 0) +
         2 * (strlen (name) + (session ? strlen (session) : 0));
}

/* Returns TRUE if the camera counts as gone, which takes longer for a camera whose picture stands
 * still: it may send no frame during several reports. */
static gboolean
is_gone (const Camera *camera, gint64 now)
{
  gdouble silent = (gdouble) (now - camera->seen) / G_TIME_SPAN_SECOND;

  return camera->silent > SILENT_REPORTS &&
         silent > SILENT_INTERVALS * camera->counts.still_interval;
}

typedef struct {
  const gchar *name;
  Camera *camera;
} Listed;

static gint
compare_listed (gconstpointer a, gconstpointer b)
{
  return compare_worth (((const Listed *) a)->camera, ((const Listed *) b)->camera);
}

/* Called with the lock. Returns: (transfer full): array of Listed, the most important camera
 * first */
static GArray *
sort_cameras (HaarTally *self, gint64 now)
{
  GArray *sorted =
      g_array_sized_new (FALSE, FALSE, sizeof (Listed), g_hash_table_size (self->cameras));
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, &name, &value)) {
    const Listed one = {name, value};

    if (is_gone (value, now))
      g_hash_table_iter_remove (&iter);
    else
      g_array_append_val (sorted, one);
  }
  g_array_sort (sorted, compare_listed);
  return sorted;
}

/* with the lock */
static void
take_cameras (HaarTally *self, FogReport *report, gint64 now)
{
  g_autoptr (GArray) sorted = sort_cameras (self, now);
  gsize size = 0;

  for (guint i = 0; i < sorted->len; i++) {
    const Listed *one = &g_array_index (sorted, Listed, i);

    size += size_of (one->name, one->camera);
    if (size <= CAMERAS_ROOM)
      list_camera (report, one->name, &one->camera->counts);
    else
      self->unlisted++;
    one->camera->counts.frames = one->camera->counts.still = 0;
    one->camera->counts.looked = FALSE;
    one->camera->silent++;
  }
}

FogReport *
haar_tally_take (HaarTally *self)
{
  FogReport *report = fog_report_new (self->replica);
  gint64 now = g_get_monotonic_time ();
  gdouble used = haar_cpus_used ();

  report->version = g_strdup (PACKAGE_VERSION);
  g_mutex_lock (&self->lock);
  report->seq = self->seq++;
  report->interval = MAX ((gdouble) (now - self->since) / G_TIME_SPAN_SECOND, 1e-6);
  report->frames = self->frames;
  report->faces = self->faces;
  if (self->begun)
    report->busy = MAX (self->busy, (used - self->used - self->costs.saved) * self->share);
  report->workers = self->workers;
  take_ages (self, report);
  take_cameras (self, report, now);
  self->since = now;
  self->frames = self->faces = 0;
  self->busy = 0;
  self->used = used;
  self->costs.saved = 0;
  g_mutex_unlock (&self->lock);
  return report;
}

guint64
haar_tally_get_unlisted (HaarTally *self)
{
  guint64 unlisted;

  g_mutex_lock (&self->lock);
  unlisted = self->unlisted;
  g_mutex_unlock (&self->lock);
  return unlisted;
}
