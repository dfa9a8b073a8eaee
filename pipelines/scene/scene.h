/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SCENE_MAX_FACES 4
/* Heads have this many sizes, so that each can be scaled once and kept. */
#define SCENE_STEPS 6
/* The smallest frame whose quarter holds a face that a cascade finds. */
#define SCENE_MIN_WIDTH 320
#define SCENE_MIN_HEIGHT 240

/* All that the script depends on, besides the time. */
typedef struct {
  guint64 seed;
  guint max_faces; /* <= SCENE_MAX_FACES */
  gint width;      /* of the frame, >= SCENE_MIN_WIDTH */
  gint height;     /* >= SCENE_MIN_HEIGHT */
} SceneScript;

/* A head to paint: a square that is completely within the frame and touches no other head. */
typedef struct {
  gint x, y; /* even, for planes of half the size */
  gint size; /* even */
  guint step;
} SceneHead;

/* The side of a head of that size, in pixels of the frame. */
gint scene_head_size (const SceneScript *script, guint step);

/**
 * scene_at:
 * @script: what is played
 * @time: ns since the scene began
 * @heads: (out): who is to be seen
 *
 * The same script and time always give the same heads.
 *
 * Returns: how many of @heads are set: the true number of faces
 */
guint scene_at (const SceneScript *script, guint64 time, SceneHead heads[SCENE_MAX_FACES]);

G_END_DECLS
