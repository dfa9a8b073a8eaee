/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "engine/haarengine.h"
#include "pictures/fogsketch.h"

G_BEGIN_DECLS

/* The last picture of each camera, and the faces in it. The next frame is searched only where it
 * differs from this picture. From any thread. */
typedef struct _HaarStill HaarStill;

/* The difference of a frame from its camera's last picture. */
typedef enum {
  HAAR_STILL_ALL,     /* all of the frame may differ: there is no picture, or it is too old */
  HAAR_STILL_PART,    /* within a rectangle */
  HAAR_STILL_NOTHING, /* nowhere */
} HaarStillDifference;

HaarStill *haar_still_new (void);
HaarStill *haar_still_ref (HaarStill *still);
void haar_still_unref (HaarStill *still);

/**
 * haar_still_compare:
 * @camera: (nullable): the frame's camera
 * @luma: of the frame
 * @params: of this search; if the last one had others, all may differ
 * @interval: us for which a search of a whole frame is valid
 * @part: (out): the rectangle to search, with %HAAR_STILL_PART
 * @boxes: of HaarBox; the known ones outside of @part are appended
 */
HaarStillDifference haar_still_compare (HaarStill *still, const gchar *camera, const FogLuma *luma,
    const HaarParams *params, gint64 interval, HaarRect *part, GArray *boxes);
/* Stores the boxes of a search. @full: TRUE if the whole frame was searched */
void haar_still_update (HaarStill *still, const gchar *camera, const FogLuma *luma,
    const HaarParams *params, gboolean full, const GArray *boxes);

G_END_DECLS
