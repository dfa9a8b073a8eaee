/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "haarpictures.h"

G_BEGIN_DECLS

/* Films of a camera that doesn't move: a room, and heads that come and go. The same scene and time
 * always give the same frame. */

#define STILL_RATE 25 /* frames/s */

typedef struct {
  const gchar *name;
  gdouble noise;    /* standard deviation of each pixel, levels */
  gdouble flicker;  /* by which part the lamps change the light, in bands that move */
  gdouble daylight; /* by which part the light changes in a minute */
  gdouble shake;    /* px: how far the camera moves to each side */
  gboolean empty;   /* nobody comes */
} StillConditions;

/* A head that comes, stays where it is or crosses the room, and leaves. */
typedef struct {
  gint from, to; /* frames; to: the first one without it */
  gint side;     /* px */
  gdouble x, y, dx;
} StillHead;

typedef struct {
  StillConditions conditions;
  HaarPicture room; /* with a margin of STILL_MARGIN on each side */
  HaarPicture head;
  gint width, height, frames;
  GArray *heads; /* of StillHead */
  gint8 *noise;
} StillScene;

#define STILL_MARGIN 16

/* @photo: a head in its middle; @room: (nullable): a picture of a room, else one is drawn */
StillScene *still_scene_new (const StillConditions *conditions, const HaarPicture *photo,
    const HaarPicture *room, gint width, gint height, gint seconds);
void still_scene_free (StillScene *scene);
/* @pixels: of width * height bytes */
void still_scene_paint (const StillScene *scene, gint frame, guint8 *pixels);

G_END_DECLS
