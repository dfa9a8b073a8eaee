/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "haarpictures.h"

G_BEGIN_DECLS

/* Films of a camera that doesn't move: a room, and heads that enter and leave. The same scene and
 * time always give the same frame. */

#define STILL_RATE 25 /* frames/s */

typedef struct {
  const gchar *name;
  gdouble noise;    /* standard deviation of each pixel, levels */
  gdouble flicker;  /* relative change of brightness by the lamps, in bands that move */
  gdouble daylight; /* relative change of brightness in a minute */
  gdouble shake;    /* distance in px that the camera moves to each side */
  gboolean empty;   /* nobody comes */
} StillConditions;

/* A head that enters, stays or crosses the room, and leaves. */
typedef struct {
  gint from, to; /* numbers of frames; to: the first frame without the head */
  gint side;     /* px */
  gdouble x, y, dx;
} StillHead;

typedef struct {
  StillConditions conditions;
  HaarPicture room; /* rectangle of the head with a margin of STILL_MARGIN on each side */
  HaarPicture head;
  gint width, height, frames;
  GArray *heads; /* of StillHead */
  gint8 *noise;
} StillScene;

#define STILL_MARGIN 16

/* @photo: a picture with a head in its middle; @room: (nullable): a picture of a room; NULL: a
 * room is drawn */
StillScene *still_scene_new (const StillConditions *conditions, const HaarPicture *photo,
    const HaarPicture *room, gint width, gint height, gint seconds);
void still_scene_free (StillScene *scene);
/* @pixels: of width * height bytes */
void still_scene_paint (const StillScene *scene, gint frame, guint8 *pixels);

G_END_DECLS
