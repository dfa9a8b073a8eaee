/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haargroup.h"

#include <math.h>
#include <stdlib.h>

#define EPS 0.2

typedef struct {
  HaarRect rect; /* the sum of the rectangles of the windows in the group, later their mean */
  gint members;
  gdouble strength; /* sum of the strengths of the windows in the group */
} Group;

static gboolean
similar (const HaarRect *a, const HaarRect *b)
{
  gdouble delta = EPS * (MIN (a->w, b->w) + MIN (a->h, b->h)) * 0.5;

  return abs (a->x - b->x) <= delta && abs (a->y - b->y) <= delta &&
         abs (a->x + a->w - b->x - b->w) <= delta && abs (a->y + a->h - b->y - b->h) <= delta;
}

static guint
find_root (guint *parents, guint i)
{
  while (parents[i] != i) {
    parents[i] = parents[parents[i]];
    i = parents[i];
  }
  return i;
}

/* Joins windows that are similar, directly or through other windows, into one set. The root of a
 * set is the window with the lowest index. */
static void
connect (const HaarWindow *windows, guint n, guint *parents)
{
  for (guint i = 0; i < n; i++)
    parents[i] = i;
  for (guint i = 0; i < n; i++) {
    for (guint j = i + 1; j < n; j++) {
      guint a, b;

      if (!similar (&windows[i].rect, &windows[j].rect))
        continue;
      a = find_root (parents, i);
      b = find_root (parents, j);
      parents[MAX (a, b)] = MIN (a, b);
    }
  }
}

/* Makes a Group of each set of similar windows, in the order of the sets' first windows. */
static GArray *
sum_groups (const HaarWindow *windows, guint n)
{
  GArray *groups = g_array_new (FALSE, TRUE, sizeof (Group));
  guint *parents = g_new (guint, n), *indices = g_new (guint, n);

  connect (windows, n, parents);
  for (guint i = 0; i < n; i++) {
    const HaarRect *rect = &windows[i].rect;
    guint root = find_root (parents, i);
    Group *group;

    if (root == i) {
      indices[i] = groups->len;
      g_array_set_size (groups, groups->len + 1);
    }
    group = &g_array_index (groups, Group, indices[root]);
    group->rect.x += rect->x;
    group->rect.y += rect->y;
    group->rect.w += rect->w;
    group->rect.h += rect->h;
    group->members++;
    group->strength += windows[i].strength;
  }
  g_free (parents);
  g_free (indices);
  return groups;
}

static void
average (Group *group)
{
  gfloat share = 1.f / group->members;

  group->rect.x = (gint) lrintf (group->rect.x * share);
  group->rect.y = (gint) lrintf (group->rect.y * share);
  group->rect.w = (gint) lrintf (group->rect.w * share);
  group->rect.h = (gint) lrintf (group->rect.h * share);
}

/* Returns TRUE if the group @a lies within @b and has fewer windows, so it is a part of the same
 * object. */
static gboolean
inside (const Group *a, const Group *b)
{
  const HaarRect *r = &a->rect, *s = &b->rect;
  gint dx = (gint) lrint (s->w * EPS), dy = (gint) lrint (s->h * EPS);

  return r->x >= s->x - dx && r->y >= s->y - dy && r->x + r->w <= s->x + s->w + dx &&
         r->y + r->h <= s->y + s->h + dy && (b->members > MAX (3, a->members) || a->members < 3);
}

static gboolean
is_kept (GArray *groups, guint i, gint min_neighbors)
{
  const Group *group = &g_array_index (groups, Group, i);

  if (group->members <= min_neighbors)
    return FALSE;
  for (guint j = 0; j < groups->len; j++) {
    const Group *other = &g_array_index (groups, Group, j);

    if (j != i && other->members > min_neighbors && inside (group, other))
      return FALSE;
  }
  return TRUE;
}

static void
append_box (GArray *boxes, const HaarRect *rect, gdouble strength)
{
  HaarBox box = {*rect, haar_score (strength)};

  g_array_append_val (boxes, box);
}

static void
append_each (const GArray *windows, GArray *boxes)
{
  for (guint i = 0; i < windows->len; i++) {
    const HaarWindow *window = &g_array_index (windows, HaarWindow, i);

    append_box (boxes, &window->rect, window->strength);
  }
}

static void
append_groups (const GArray *windows, gint min_neighbors, GArray *boxes)
{
  GArray *groups = sum_groups ((const HaarWindow *) windows->data, windows->len);

  for (guint i = 0; i < groups->len; i++)
    average (&g_array_index (groups, Group, i));
  for (guint i = 0; i < groups->len; i++) {
    const Group *group = &g_array_index (groups, Group, i);

    if (is_kept (groups, i, min_neighbors))
      append_box (boxes, &group->rect, group->strength);
  }
  g_array_unref (groups);
}

static void
clip_boxes (GArray *boxes, gint width, gint height)
{
  guint kept = 0;

  for (guint i = 0; i < boxes->len; i++) {
    HaarBox box = g_array_index (boxes, HaarBox, i);
    HaarRect *r = &box.rect;
    gint right = MIN (r->x + r->w, width), bottom = MIN (r->y + r->h, height);

    r->x = MAX (r->x, 0);
    r->y = MAX (r->y, 0);
    r->w = right - r->x;
    r->h = bottom - r->y;
    if (r->w > 0 && r->h > 0)
      g_array_index (boxes, HaarBox, kept++) = box;
  }
  g_array_set_size (boxes, kept);
}

void
haar_group_windows (
    const GArray *windows, gint min_neighbors, gint width, gint height, GArray *boxes)
{
  if (min_neighbors > 0)
    append_groups (windows, min_neighbors, boxes);
  else
    append_each (windows, boxes);
  clip_boxes (boxes, width, height);
}
