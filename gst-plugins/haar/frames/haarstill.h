/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "engine/haarengine.h"
#include "pictures/fogsketch.h"

G_BEGIN_DECLS

/* The last picture of each camera, and the faces in it. With rescan-interval, a camera's next frame
 * is searched only where it differs from its last picture. From any thread. */
typedef struct _HaarStill HaarStill;

/* The part of a frame that differs from the picture of its camera that was searched last. */
typedef enum {
  /* the whole frame has to be searched: there is no last picture, it is too old, or most of it
   * changed */
  HAAR_STILL_ALL,
  HAAR_STILL_PART,    /* the frame differs within a rectangle */
  HAAR_STILL_NOTHING, /* the frame differs nowhere */
} HaarStillDifference;

HaarStill *haar_still_new (void);
HaarStill *haar_still_ref (HaarStill *still);
void haar_still_unref (HaarStill *still);

/**
 * haar_still_compare:
 * @camera: (nullable): the frame's camera
 * @luma: the luma of the frame
 * @params: the parameters of this search; if the last search had others, the result is
 *   %HAAR_STILL_ALL
 * @interval: the time (us) for which a search of a whole frame is valid
 * @part: (out): the rectangle to search, if the result is %HAAR_STILL_PART
 * @boxes: array of HaarBox, to which the known faces outside of @part are appended
 */
HaarStillDifference haar_still_compare (HaarStill *still, const gchar *camera, const FogLuma *luma,
    const HaarParams *params, gint64 interval, HaarRect *part, GArray *boxes);
/* Stores a searched picture and its boxes as the camera's last picture. @full: TRUE if the whole
 * frame was searched */
void haar_still_update (HaarStill *still, const gchar *camera, const FogLuma *luma,
    const HaarParams *params, gboolean full, const GArray *boxes);

G_END_DECLS
