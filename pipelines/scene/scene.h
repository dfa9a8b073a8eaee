/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SCENE_MAX_FACES 4
/* The number of different sizes of heads; there are few, so that the head is scaled only once to
 * each size. */
#define SCENE_STEPS 6
/* The smallest frame in whose quarter a face fits that is large enough for a cascade to find it. */
#define SCENE_MIN_WIDTH 320
#define SCENE_MIN_HEIGHT 240

/* The values that determine the scene at a given time. */
typedef struct {
  guint64 seed;
  guint max_faces; /* <= SCENE_MAX_FACES */
  gint width;      /* width of the frame, >= SCENE_MIN_WIDTH */
  gint height;     /* >= SCENE_MIN_HEIGHT */
} SceneScript;

/* A head to paint: a square that is completely within the frame and touches no other head. */
typedef struct {
  gint x, y; /* even numbers, because the chroma planes of I420 have half the size */
  gint size; /* even */
  guint step;
} SceneHead;

/* Returns the side of a head of the size @step (0 to SCENE_STEPS - 1), in pixels of the frame. */
gint scene_head_size (const SceneScript *script, guint step);

/**
 * scene_at:
 * @script: the values that determine the scene
 * @time: ns since the scene began
 * @heads: (out): the heads to paint
 *
 * For the same @script and @time the result is always the same.
 *
 * Returns: the number of @heads that are set, which is the true number of faces
 */
guint scene_at (const SceneScript *script, guint64 time, SceneHead heads[SCENE_MAX_FACES]);

G_END_DECLS
