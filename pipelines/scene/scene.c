/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scene.h"

#include <math.h>

/* The scene is a sequence of acts, each with a fixed number of faces. In `max_faces + 1` acts in a
 * row, each number of faces from 0 to `max_faces` occurs once. A whole face appears at once, a
 * little after its act begins, and disappears at once, a little before the act ends. Therefore no
 * frame shows a part of a face, and the true number of faces is always clear. */
#define ACT (2 * (guint64) 1000000000)
/* Heads appear within this fraction of the act after its beginning, and disappear within this
 * fraction before its end. */
#define LATEST_ENTRY 0.25

/* The smallest and the largest size of a head, as fractions of the quarter of the frame in which
 * the head moves. At 640x480 the faces have 60 to 110 pixels. */
#define SMALLEST_HEAD 0.50
#define LARGEST_HEAD 0.84

/* Returns a pseudo-random number that depends on @x, computed by one step of splitmix64. */
static guint64
scramble (guint64 x)
{
  x += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* Returns a pseudo-random number that depends only on @seed, @purpose and @index. */
static guint64
draw (guint64 seed, guint64 purpose, guint64 index)
{
  return scramble (scramble (scramble (seed) ^ purpose) ^ index);
}

static gdouble
draw_share (guint64 seed, guint64 purpose, guint64 index)
{
  return (draw (seed, purpose, index) >> 11) * 0x1.0p-53;
}

/* Returns the element at the index @place of a pseudo-random permutation of 0 to @n - 1. */
static guint
shuffled (guint64 seed, guint64 purpose, guint n, guint place)
{
  guint order[SCENE_MAX_FACES + 1] = {0};

  for (guint i = 0; i < n; i++) {
    guint other = draw (seed, purpose, i) % (i + 1);

    order[i] = order[other];
    order[other] = i;
  }
  return order[place];
}

static gint
quarter_size (const SceneScript *script)
{
  return MIN (script->width, script->height * 4 / 3) * 3 / 8;
}

gint
scene_head_size (const SceneScript *script, guint step)
{
  gdouble share = SMALLEST_HEAD + (LARGEST_HEAD - SMALLEST_HEAD) * step / (SCENE_STEPS - 1);

  /* In a small frame only the largest heads show a face that is large enough to be found. */
  if (quarter_size (script) < 240)
    share = MAX (share, MIN (1.0, SMALLEST_HEAD * 240 / quarter_size (script)));
  return (gint) (share * quarter_size (script)) & ~1;
}

/* Returns the position of a head at @time: a position from 0 to @room pixels that moves back and
 * forth. */
static gint
wander (guint64 seed, guint64 purpose, gint room, guint64 time)
{
  gdouble period = 3 + 4 * draw_share (seed, purpose, 0);
  gdouble turn = time / 1e9 / period + draw_share (seed, purpose, 1);

  return (gint) (room * (0.5 + 0.5 * sin (2 * G_PI * turn))) & ~1;
}

static void
place_head (const SceneScript *script, guint64 seed, guint place, guint64 time, SceneHead *head)
{
  gint room_x, room_y;

  head->step = draw (seed, 'z', place) % SCENE_STEPS;
  head->size = scene_head_size (script, head->step);
  room_x = script->width / 2 - head->size;
  room_y = script->height / 2 - head->size;
  head->x = (place % 2 ? (script->width / 2 + 1) & ~1 : 0) +
            wander (seed, 'x' + place * 256, room_x, time);
  head->y = (place / 2 ? (script->height / 2 + 1) & ~1 : 0) +
            wander (seed, 'y' + place * 256, room_y, time);
}

guint
scene_at (const SceneScript *script, guint64 time, SceneHead heads[SCENE_MAX_FACES])
{
  guint numbers = script->max_faces + 1;
  guint64 act = time / ACT;
  gdouble share = (time % ACT) / (gdouble) ACT;
  guint64 seed = draw (script->seed, 'a', act);
  guint faces = shuffled (draw (script->seed, 'r', act / numbers), 'n', numbers, act % numbers);
  guint shown = 0;

  for (guint i = 0; i < faces; i++) {
    guint place = shuffled (seed, 'p', SCENE_MAX_FACES, i);

    if (share < LATEST_ENTRY * draw_share (seed, 'e', i) ||
        share >= 1 - LATEST_ENTRY * draw_share (seed, 'l', i))
      continue;
    place_head (script, seed, place, time, &heads[shown++]);
  }
  return shown;
}
