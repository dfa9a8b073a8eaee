/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarscan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "haarexact.h"
#include "haarmemory.h"

#define PATCH_ALIGNMENT 64
/* The size of a block of windows; the windows of a block go from stage to stage together. */
#define STRIP_COLUMNS 256
#define BLOCK_ROWS 16
/* The time for copying a window into a patch, as the number of corners that are read for a span in
 * the same time. */
#define WINDOW_COST 112
/* The least number of windows in a span. */
#define MIN_WIDTH 8
#define MAX_SPANS_A_ROW (STRIP_COLUMNS / MIN_WIDTH)
/* The number of contrasts that are stored for a row of windows, including the padding of its last
 * span. */
#define CONTRASTS_A_ROW (STRIP_COLUMNS + HAAR_MAX_LANES)

/* A strip of STRIP_COLUMNS columns consists of whole spans, also in levels with a step of 2. */
G_STATIC_ASSERT (STRIP_COLUMNS % (2 * HAAR_MAX_LANES) == 0);
/* A HaarVerdict has 32 flags, and maybe_visited() computes with 64 bits, of which it needs three
 * more than there are lanes. */
G_STATIC_ASSERT (HAAR_MAX_LANES <= 32);

/* These are the steps in which a level is scanned:
 *
 * 1. The filter's first stage evaluates all windows, in spans of neighbours. The next stages
 * evaluate a span too, as long as enough of its windows may still pass. A block of several rows
 * goes from stage to stage as a whole, so that a stage has many spans, and can evaluate several of
 * them together.
 * 2. The windows that may still pass wait in queues, one for each stage, until they fill a vector.
 * These windows are copied lane by lane into a patch, and go through further stages together. At
 * the end of a level the queues are emptied, and windows of several queues share a patch.
 * 3. Steps 1 and 2 drop only windows that certainly don't pass, or that OpenCV certainly doesn't
 * visit. The windows that reach the last queue are decided there: by the filter, or, where the
 * filter is in doubt about a stage, by OpenCV's own arithmetic. */

typedef struct {
  gint at[HAAR_MAX_LANES]; /* the windows' first pixels in the integral image */
  gint16 contrasts[HAAR_MAX_LANES];
  guint n;
} Queue;

/* The spans with windows that may still pass, and the program that reads their corners. */
typedef struct {
  HaarProgram program;
  HaarSpan *spans;
  HaarVerdict *verdicts; /* verdicts of the latest stage, one for each span */
  guint n;
} SpanList;

/* A window that passed all stages. */
typedef struct {
  gint at; /* index of the window's first pixel in the integral image */
  gdouble strength;
} Found;

/* Whether the number of successive windows that failed in the first stage, up to the latest window,
 * is even. */
typedef enum { RUN_EVEN, RUN_ODD, RUN_UNKNOWN } HaarRun;

struct _HaarScanner {
  const HaarCascade *cascade;
  const HaarKernel *kernel;
  HaarFilter *filter; /* the filter; NULL: HaarExact evaluates all windows */
  HaarExact exact;
  /* the spans of a block; the index is the half of a cache line in which they begin */
  SpanList lists[2];
  /* number of stages for whose corners the offsets in this layout are computed */
  guint n_prepared;
  HaarProgram in_patch;
  gint16 *contrasts; /* contrasts of the windows of a block */
  HaarRun *runs;     /* for each row: the HaarRun at its latest window, see maybe_visited() */
  guint16 *patch;
  /* a queue of windows for each stage, and one for windows that may have passed all stages */
  Queue *queues;
  /* TRUE at the end of a level, when no more windows come and the queues are emptied */
  gboolean ending;
  GArray *found; /* array of Found */

  /* The next fields are set while a level is scanned. */
  const HaarIntegral *integral;
  const HaarLevel *level;
};

/* Counts set bits. The compiler's builtin isn't used, because it calls a function unless the
 * compiler knows that the processor has an instruction for counting bits. */
static inline guint
count_bits (guint32 bits)
{
  bits -= bits >> 1 & 0x55555555;
  bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
  return ((bits + (bits >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

static HaarProgram
program_new (const HaarFilter *filter)
{
  return (HaarProgram){filter, g_new (gint32, filter->n_corners)};
}

static void
set_patch_program (HaarScanner *self)
{
  self->in_patch = program_new (self->filter);
  for (guint i = 0; i < self->filter->n_corners; i++) {
    const HaarFilterCorner *corner = &self->filter->corners[i];
    gint y = corner->y + (corner->tilted ? self->cascade->height + 1 : 0);

    self->in_patch.offsets[i] =
        (y * (self->cascade->width + 1) + corner->x) * (gint) self->kernel->lanes;
  }
}

static gsize
patch_size (const HaarCascade *cascade, const HaarKernel *kernel)
{
  gsize planes = cascade->has_tilted ? 2 : 1;
  gsize places = (gsize) (cascade->width + 1) * (gsize) (cascade->height + 1) * planes;

  return (places * kernel->lanes * sizeof (guint16) + PATCH_ALIGNMENT - 1) / PATCH_ALIGNMENT *
         PATCH_ALIGNMENT;
}

HaarScanner *
haar_scanner_new (const HaarCascade *cascade, const HaarKernel *kernel)
{
  HaarScanner *self = g_new0 (HaarScanner, 1);

  self->cascade = cascade;
  self->kernel = kernel;
  self->filter = haar_filter_new (cascade);
  self->found = g_array_new (FALSE, FALSE, sizeof (Found));
  haar_exact_init (&self->exact, cascade);
  if (!self->filter)
    return self;
  for (guint i = 0; i < G_N_ELEMENTS (self->lists); i++) {
    self->lists[i].program = program_new (self->filter);
    self->lists[i].spans = g_new (HaarSpan, BLOCK_ROWS * MAX_SPANS_A_ROW);
    self->lists[i].verdicts = g_new (HaarVerdict, BLOCK_ROWS * MAX_SPANS_A_ROW);
  }
  set_patch_program (self);
  self->queues = g_new0 (Queue, cascade->n_stages + 1);
  self->contrasts = g_new (gint16, BLOCK_ROWS * CONTRASTS_A_ROW);
  self->patch = aligned_alloc (PATCH_ALIGNMENT, patch_size (cascade, kernel));
  if (!self->patch)
    g_clear_pointer (&self, haar_scanner_free);
  return self;
}

void
haar_scanner_free (HaarScanner *self)
{
  haar_exact_clear (&self->exact);
  for (guint i = 0; i < G_N_ELEMENTS (self->lists); i++) {
    g_free (self->lists[i].program.offsets);
    g_free (self->lists[i].spans);
    g_free (self->lists[i].verdicts);
  }
  g_free (self->in_patch.offsets);
  haar_filter_free (self->filter);
  g_free (self->contrasts);
  g_free (self->runs);
  g_free (self->queues);
  free (self->patch);
  g_array_unref (self->found);
  g_free (self);
}

static gboolean
set_layout (HaarScanner *self)
{
  const HaarLayout *layout = &self->integral->layout;

  self->n_prepared = 0;
  haar_exact_set_layout (&self->exact, layout);
  if (!HAAR_TRY_RENEW (self->runs, self->level->rows))
    return FALSE;
  memset (self->runs, RUN_EVEN, self->level->rows * sizeof (HaarRun));
  return TRUE;
}

/* Returns 1 if the first value of a span lies in the second half of a cache line, 0 if in the first
 * half. */
static guint
half_of_line (const HaarScanner *self, gint at)
{
  return self->integral->twin && (guint) at % HAAR_LINE >= HAAR_LINE / 2;
}

/* Sets the offsets of a corner for both lists of spans. An offset points into `low` or into its
 * copy: into the one where the values of a span lie within one cache line. This function runs for
 * thousands of corners a level, so it has no branch. */
static inline void
place_corner (HaarScanner *self, guint i)
{
  const HaarIntegral *integral = self->integral;
  const HaarFilterCorner *corner = &self->filter->corners[i];
  gint shift = integral->layout.step - 1, x = corner->x;
  gint32 place = haar_layout_index (&integral->layout, x, corner->y) +
                 (corner->tilted ? (gint32) integral->capacity : 0);
  gint32 twin = (gint32) integral->twin;
  gboolean later_half = (x >> shift) % HAAR_LINE > HAAR_LINE / 2;

  self->lists[0].program.offsets[i] = place + later_half * twin;
  self->lists[1].program.offsets[i] = place + !later_half * twin;
}

/* Computes the offsets of a stage's corners, if the stage wasn't used in this layout yet. */
static void
prepare_stage (HaarScanner *self, guint stage)
{
  const HaarFilterStage *s = &self->filter->stages[stage];

  if (stage < self->n_prepared)
    return;
  for (guint i = s->first_corner; i < s->first_corner + s->n_corners; i++)
    place_corner (self, i);
  self->n_prepared++;
}

/* Evaluates the stage @stage for the spans @first to @end - 1 of @list. */
static void
judge_spans (HaarScanner *self, guint stage, const SpanList *list, guint first, guint end,
    gboolean with_sure)
{
  prepare_stage (self, stage);
  self->kernel->judge_spans (&list->program, stage, self->integral->low, list->spans + first,
      end - first, with_sure, list->verdicts + first);
}

static gfloat
exact_factor (const HaarScanner *self, gint at)
{
  return haar_exact_factor (haar_exact_variance (&self->exact, self->integral, at));
}

/* Returns those of the windows in @marked that pass the stage in OpenCV's arithmetic. */
static guint32
decide (HaarScanner *self, guint32 marked, const gint *at, guint stage)
{
  guint32 passed = 0;

  for (; marked; marked &= marked - 1) {
    guint lane = (guint) g_bit_nth_lsf (marked, -1);

    if (haar_exact_stage (
            &self->exact, self->integral, at[lane], exact_factor (self, at[lane]), stage))
      passed |= 1u << lane;
  }
  return passed;
}

static void
fill_plane (HaarScanner *self, const guint16 *plane, const gint *at, guint16 *to)
{
  const HaarLayout *layout = &self->integral->layout;
  gint columns = self->cascade->width + 1, lanes = (gint) self->kernel->lanes;
  const guint16 *windows[HAAR_MAX_LANES];

  for (gint i = 0; i < lanes; i++)
    windows[i] = plane + at[i];
  for (gint y = 0; y <= self->cascade->height; y++, to += columns * lanes) {
    gssize row = (gssize) y * layout->stride;

    if (layout->step == 1) {
      self->kernel->interleave (windows, row, columns, 1, to);
    } else {
      self->kernel->interleave (windows, row, (columns + 1) / 2, 2, to);
      self->kernel->interleave (windows, row + layout->stride / 2, columns / 2, 2, to + lanes);
    }
  }
}

/* Copies into the patch the windows' values of the upright integral image, and behind them their
 * values of the tilted one. */
static void
fill_patch (HaarScanner *self, const gint *at)
{
  const HaarCascade *cascade = self->cascade;
  gint size = (cascade->width + 1) * (cascade->height + 1) * (gint) self->kernel->lanes;

  fill_plane (self, self->integral->low, at, self->patch);
  if (cascade->has_tilted)
    fill_plane (self, self->integral->low + self->integral->capacity, at, self->patch + size);
}

static void run_queue (HaarScanner *self, guint stage);

static void
append_window (Queue *queue, gint at, gint16 contrast)
{
  queue->at[queue->n] = at;
  queue->contrasts[queue->n++] = contrast;
}

static void
enqueue (HaarScanner *self, guint stage, gint at, gint16 contrast)
{
  Queue *queue = &self->queues[stage];

  append_window (queue, at, contrast);
  if (queue->n == self->kernel->lanes)
    run_queue (self, stage);
}

/* Adds to a batch for the stage @stage windows that wait for later stages. These windows have
 * passed the stages in between; evaluating those again takes less time than evaluating the windows
 * in a patch of their own. */
static void
fill_batch (HaarScanner *self, Queue *batch, guint stage)
{
  for (stage++; stage < self->cascade->n_stages && batch->n < self->kernel->lanes; stage++) {
    Queue *queue = &self->queues[stage];

    while (queue->n > 0 && batch->n < self->kernel->lanes) {
      queue->n--;
      append_window (batch, queue->at[queue->n], queue->contrasts[queue->n]);
    }
  }
}

/* Returns TRUE if windows that are put into the queue of a stage will share a patch with other
 * windows. */
static gboolean
have_company (const HaarScanner *self, guint stage)
{
  if (!self->ending)
    return TRUE;
  for (; stage < self->cascade->n_stages; stage++)
    if (self->queues[stage].n > 0)
      return TRUE;
  return FALSE;
}

/* Evaluates stage after stage and drops the windows that can't pass, until at most a quarter of a
 * vector is left, which the caller puts into the queue of the next stage. Returns: the next
 * stage */
static guint
drop_windows (HaarScanner *self, const Queue *batch, guint stage, guint32 *alive)
{
  while (stage < self->cascade->n_stages && *alive) {
    *alive &=
        self->kernel->stage (&self->in_patch, stage, self->patch, batch->contrasts, NULL).possible;
    stage++;
    if (count_bits (*alive) <= self->kernel->lanes / 4 && have_company (self, stage))
      break;
  }
  return stage;
}

/* Returns the margin by which a window passes a stage: computed from the filter's sum if the filter
 * isn't in doubt about any stump, otherwise in OpenCV's arithmetic. */
static gdouble
measure_margin (
    HaarScanner *self, guint stage, const HaarBounds *bounds, const Queue *batch, guint lane)
{
  const HaarFilterStage *s = &self->filter->stages[stage];
  gint at = batch->at[lane];

  if (!s->complete || bounds->lower[lane] != bounds->upper[lane])
    return haar_exact_margin (&self->exact, self->integral, at, exact_factor (self, at), stage);
  return (bounds->upper[lane] - s->threshold) / s->scale;
}

/* Adds to @margins the margins by which the windows in @marked pass a stage, in standard deviations
 * of the stage's sum. */
static void
add_margins (HaarScanner *self, guint stage, const HaarBounds *bounds, const Queue *batch,
    guint32 marked, gdouble *margins)
{
  gdouble spread = self->exact.spreads[stage];

  if (stage < haar_exact_first_telling (&self->exact) || !(spread > 0))
    return;
  for (; marked; marked &= marked - 1) {
    guint lane = (guint) __builtin_ctz (marked);

    margins[lane] += measure_margin (self, stage, bounds, batch, lane) / spread;
  }
}

/* Returns those of the windows in @alive that pass all stages. @margins: (inout): the sum of
 * margins of the window in each lane */
static guint32
decide_windows (HaarScanner *self, const Queue *batch, guint32 alive, gdouble *margins)
{
  HaarBounds bounds;

  for (guint stage = 0; stage < self->cascade->n_stages && alive; stage++) {
    HaarVerdict verdict =
        self->kernel->stage (&self->in_patch, stage, self->patch, batch->contrasts, &bounds);
    guint32 doubtful = alive & verdict.possible & ~verdict.sure;

    alive &= verdict.sure;
    alive |= decide (self, doubtful, batch->at, stage);
    add_margins (self, stage, &bounds, batch, alive, margins);
  }
  return alive;
}

/* Returns: the number of stages that the window passes in OpenCV's arithmetic; -1 if OpenCV skips
 * the window for its low contrast */
static gint
passed_stages (HaarScanner *self, gint at, guint n_stages)
{
  HaarExact *exact = &self->exact;
  gfloat factor = 1;
  guint stage = 0;

  if (!self->cascade->patterns) {
    gint64 variance = haar_exact_variance (exact, self->integral, at);

    if (variance < exact->least_variance)
      return -1;
    factor = haar_exact_factor (variance);
  }
  while (stage < n_stages && haar_exact_stage (exact, self->integral, at, factor, stage))
    stage++;
  return (gint) stage;
}

static void
add_found (HaarScanner *self, gint at, gdouble margins)
{
  Found found = {at, haar_exact_strength (&self->exact, margins)};

  g_array_append_val (self->found, found);
}

/* Returns TRUE if OpenCV visits the window. If OpenCV visits a window that fails in the first
 * stage, it doesn't visit the next window of the row, so it visits a window behind an even number
 * of successive windows that fail. */
static gboolean
is_visited (HaarScanner *self, gint at)
{
  gint row = at - at % self->integral->layout.stride, failures = 0;

  while (at - failures > row && passed_stages (self, at - failures - 1, 1) == 0)
    failures++;
  return failures % 2 == 0;
}

static void
keep_visited (HaarScanner *self, const Queue *batch, guint32 passed, const gdouble *margins)
{
  for (; passed; passed &= passed - 1) {
    guint lane = (guint) __builtin_ctz (passed);

    if (is_visited (self, batch->at[lane]))
      add_found (self, batch->at[lane], margins[lane]);
  }
}

static void
keep_passed (HaarScanner *self, const Queue *batch, guint32 alive)
{
  gdouble margins[HAAR_MAX_LANES] = {0};
  guint32 passed = decide_windows (self, batch, alive, margins);

  keep_visited (self, batch, passed, margins);
}

static void
run_queue (HaarScanner *self, guint stage)
{
  Queue batch = self->queues[stage];
  gboolean last = stage == self->cascade->n_stages;
  guint32 alive;

  self->queues[stage].n = 0;
  fill_batch (self, &batch, stage);
  alive = batch.n == 32 ? G_MAXUINT32 : (1u << batch.n) - 1;
  for (guint i = batch.n; i < self->kernel->lanes; i++) {
    batch.at[i] = batch.at[0];
    batch.contrasts[i] = -1;
  }
  fill_patch (self, batch.at);
  if (last) {
    keep_passed (self, &batch, alive);
    return;
  }
  stage = drop_windows (self, &batch, stage, &alive);
  for (; alive; alive &= alive - 1) {
    guint lane = (guint) __builtin_ctz (alive);

    enqueue (self, stage, batch.at[lane], batch.contrasts[lane]);
  }
}

/* Returns those of a vector's possible windows that OpenCV may visit, see is_visited(). @run:
 * (inout): the HaarRun at the end of the previous vector, which becomes that at the end of this
 * vector.
 *
 * A run of successive windows that failed in the first stage is a run of 1 bits in a number. Adding
 * the first bit of a run of 1 bits to the number carries a 1 to the place behind the run. If the
 * place behind a run is odd and the run starts at an even place, or the other way round, the run
 * has an odd length, and OpenCV doesn't visit the window behind it. An example: of windows 0 to 5,
 * the windows 0, 1, 2 and 4 fail.
 *
 *     failed            0101 1100    window i is bit i + 2
 *     starts            0100 0100    both at even places
 *     failed + starts   1010 0000    both carry to odd places: windows 3 and 5 aren't visited
 *
 * A run of failures that starts right behind a doubtful window may be longer than it seems, so its
 * length isn't known to be even or odd. */
static guint32
maybe_visited (HaarVerdict verdict, guint lanes, HaarRun *run)
{
  const guint64 even = G_GUINT64_CONSTANT (0x5555555555555555), odd = even << 1;
  guint64 failed = (guint64) (verdict.live & ~verdict.possible) << 2 | (*run == RUN_ODD) << 1;
  guint64 doubtful = (guint64) (verdict.possible & ~verdict.sure) << 2 | (*run == RUN_UNKNOWN) << 1;
  guint64 starts = failed & ~(failed << 1), unsure = starts & doubtful << 1;
  guint64 passed_over = (((failed + (starts & ~unsure & even)) & odd) |
                            ((failed + (starts & ~unsure & odd)) & even)) &
                        ~failed;
  guint64 unknown = ((failed + unsure) & ~failed) | doubtful << 1;
  guint64 next = G_GUINT64_CONSTANT (4) << lanes;

  *run = passed_over & next ? RUN_ODD : unknown & next ? RUN_UNKNOWN : RUN_EVEN;
  return verdict.possible & ~(guint32) (passed_over >> 2);
}

static void
enqueue_span (HaarScanner *self, guint stage, const HaarSpan *span)
{
  for (guint32 alive = span->alive; alive; alive &= alive - 1) {
    guint lane = (guint) __builtin_ctz (alive);

    enqueue (self, stage, span->at + (gint) lane, span->contrasts[lane]);
  }
}

/* Keeps in the list the spans in which so many windows may still pass that evaluating the stage for
 * the whole span takes less time than copying these windows into a patch. The windows of the other
 * spans are put into the stage's queue. */
static void
keep_full_spans (HaarScanner *self, SpanList *list, guint stage)
{
  guint n = list->n;

  list->n = 0;
  for (guint i = 0; i < n; i++) {
    const HaarSpan *span = &list->spans[i];

    if (stage < self->cascade->n_stages &&
        count_bits (span->alive) * WINDOW_COST > self->filter->stages[stage].n_corners)
      list->spans[list->n++] = *span;
    else
      enqueue_span (self, stage, span);
  }
}

static void
keep_possible_spans (SpanList *list)
{
  guint n = list->n;

  list->n = 0;
  for (guint i = 0; i < n; i++) {
    HaarSpan span = list->spans[i];

    span.alive &= list->verdicts[i].possible;
    if (span.alive)
      list->spans[list->n++] = span;
  }
}

/* Evaluates the second and the following stages for the spans of a block. */
static void
finish_spans (HaarScanner *self, SpanList *list)
{
  for (guint stage = 1; list->n > 0; stage++) {
    keep_full_spans (self, list, stage);
    if (list->n == 0)
      return;
    judge_spans (self, stage, list, 0, list->n, FALSE);
    keep_possible_spans (list);
  }
}

/* Returns TRUE if all contrasts are -1, because OpenCV skips these windows for their low contrast.
 * For speed, four contrasts are read at a time. */
static inline gboolean
are_skipped (const gint16 *contrasts, gint n)
{
  guint64 all = G_MAXUINT64, four;

  for (gint i = 0; i < n; i += 4) {
    memcpy (&four, contrasts + i, sizeof four);
    all &= four;
  }
  return all == G_MAXUINT64;
}

/* A row of windows in a block. */
typedef struct {
  /* indexes in the integral image: of the first window's first pixel, and of the pixel behind the
   * last window's first pixel */
  gint at, end;
  const gint16 *contrasts; /* of each window */
  /* the row's spans in each of the lists: index of the first span, and the index behind the last */
  guint first[2], last[2];
} Row;

/* Evaluates the first stage for the spans of a row, except spans whose windows OpenCV skips for
 * their low contrast. */
static void
judge_row (HaarScanner *self, Row *row)
{
  gint width = (gint) self->kernel->width;

  for (guint half = 0; half < 2; half++)
    row->first[half] = row->last[half] = self->lists[half].n;
  for (gint at = row->at; at < row->end; at += width) {
    guint half = half_of_line (self, at);
    const gint16 *contrasts = row->contrasts + (at - row->at);

    if (!are_skipped (contrasts, width))
      self->lists[half].spans[row->last[half]++] = (HaarSpan){.at = at, .contrasts = contrasts};
  }
  for (guint half = 0; half < 2; half++)
    judge_spans (self, 0, &self->lists[half], row->first[half], row->last[half], TRUE);
}

/* Keeps the spans of a row in which OpenCV may visit windows that may have passed the first stage.
 * A window that OpenCV skips for its low contrast isn't a failure, so it ends a run of failures.
 * @run: see maybe_visited() */
static void
keep_visited_spans (HaarScanner *self, Row *row, HaarRun *run)
{
  guint width = self->kernel->width;

  for (gint at = row->at; at < row->end; at += (gint) width) {
    guint half = half_of_line (self, at), next = row->first[half];
    SpanList *list = &self->lists[half];

    if (next == row->last[half] || list->spans[next].at != at) {
      *run = RUN_EVEN;
      continue;
    }
    row->first[half]++;
    list->spans[list->n] = list->spans[next];
    list->spans[list->n].alive = maybe_visited (list->verdicts[next], width, run);
    list->n += list->spans[list->n].alive != 0;
  }
}

static void
scan_row (HaarScanner *self, gint y, gint first, gint n, gint16 *contrasts)
{
  const HaarExact *exact = &self->exact;
  gint at = y * self->integral->layout.stride + first;
  Row row = {at, at + n, contrasts, {0}, {0}};

  if (self->cascade->patterns) /* local binary patterns don't depend on contrast */
    memset (contrasts, 0, (gsize) n * sizeof (gint16));
  else
    self->kernel->contrast (self->integral, at, exact->contrast, exact->area,
        (gdouble) exact->least_variance, self->filter->contrast_scale, n, contrasts);
  memset (contrasts + n, 0xff, HAAR_MAX_LANES * sizeof (gint16));
  judge_row (self, &row);
  keep_visited_spans (self, &row, &self->runs[y]);
}

static void
scan_block (HaarScanner *self, gint first_row, gint end_row, gint first, gint n)
{
  gint16 *contrasts = self->contrasts;

  for (gint y = first_row; y < end_row; y += self->level->step) {
    scan_row (self, y, first, n, contrasts);
    contrasts += CONTRASTS_A_ROW;
  }
  for (guint half = 0; half < G_N_ELEMENTS (self->lists); half++)
    finish_spans (self, &self->lists[half]);
}

static gdouble
measure_margins (HaarScanner *self, gint at)
{
  gfloat factor = self->cascade->patterns ? 1 : exact_factor (self, at);

  return haar_exact_margins (&self->exact, self->integral, at, factor);
}

static void
scan_row_exactly (HaarScanner *self, gint y, gint n)
{
  for (gint i = 0; i < n; i++) {
    gint at = y * self->integral->layout.stride + i;
    gint passed = passed_stages (self, at, self->cascade->n_stages);

    if (passed == (gint) self->cascade->n_stages)
      add_found (self, at, measure_margins (self, at));
    if (passed == 0)
      i++;
  }
}

static gint
compare_places (gconstpointer a, gconstpointer b)
{
  return ((const Found *) a)->at - ((const Found *) b)->at;
}

static void
append_windows (HaarScanner *self, GArray *windows)
{
  const HaarLevel *level = self->level;

  g_array_sort (self->found, compare_places);
  for (guint i = 0; i < self->found->len; i++) {
    const Found *found = &g_array_index (self->found, Found, i);
    gint x = found->at % self->integral->layout.stride * level->step;
    gint y = found->at / self->integral->layout.stride;
    HaarWindow window = {{(gint) lrintf (x * level->scale), (gint) lrintf (y * level->scale),
                             level->window_width, level->window_height},
        found->strength};

    g_array_append_val (windows, window);
  }
  g_array_set_size (self->found, 0);
}

gboolean
haar_scanner_start (HaarScanner *self, const HaarIntegral *integral, const HaarLevel *level)
{
  self->integral = integral;
  self->level = level;
  self->ending = FALSE;
  /* The queues are emptied, because an earlier scan that failed may have left windows in them. */
  g_array_set_size (self->found, 0);
  for (guint stage = 0; self->filter && stage <= self->cascade->n_stages; stage++)
    self->queues[stage].n = 0;
  return set_layout (self);
}

static void
scan_exactly (HaarScanner *self, gint first_row, gint end_row, gint n)
{
  for (gint y = first_row; y < end_row; y += self->level->step)
    scan_row_exactly (self, y, n);
}

/* Scans strip by strip. The values of one strip that a row of windows needs fit into the
 * first-level cache, and stay there for the next row of windows. */
guint
haar_scanner_scan (HaarScanner *self, gint first_row, gint end_row)
{
  const HaarLevel *level = self->level;
  gint n = (level->columns + level->step - 1) / level->step;
  gint width = STRIP_COLUMNS / level->step, height = BLOCK_ROWS * level->step;

  if (!self->filter)
    scan_exactly (self, first_row, end_row, n);
  for (gint first = 0; self->filter && first < n; first += width)
    for (gint y = first_row; y < end_row; y += height)
      scan_block (self, y, MIN (y + height, end_row), first, MIN (width, n - first));
  return self->found->len;
}

void
haar_scanner_finish (HaarScanner *self, GArray *windows)
{
  self->ending = TRUE;
  for (guint stage = 0; self->filter && stage <= self->cascade->n_stages; stage++)
    if (self->queues[stage].n > 0)
      run_queue (self, stage);
  append_windows (self, windows);
}
