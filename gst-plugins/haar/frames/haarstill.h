/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "engine/haarengine.h"
#include "haarluma.h"

G_BEGIN_DECLS

/* What each camera last showed, and where faces were in it: a frame that hardly differs needs a look only
 * where it does. Its functions may be called from any thread. */
typedef struct _HaarStill HaarStill;

/* What differs. */
typedef enum {
  HAAR_STILL_ALL,     /* or nothing is known, or it was long ago */
  HAAR_STILL_PART,    /* a part */
  HAAR_STILL_NOTHING, /* nothing */
} HaarStillDifference;

HaarStill *haar_still_new (void);
HaarStill *haar_still_ref (HaarStill *still);
void haar_still_unref (HaarStill *still);

/**
 * haar_still_compare:
 * @camera: (nullable): whose frame it is
 * @luma: the frame
 * @params: of the count; with others than last time all differs
 * @interval: us that a look at everything lasts
 * @part: the rectangle to look at, for %HAAR_STILL_PART
 * @rects: of HaarRect, gets those outside of @part
 */
HaarStillDifference haar_still_compare (HaarStill *still, const gchar *camera, const HaarLuma *luma,
    const HaarParams *params, gint64 interval, HaarRect *part, GArray *rects);
/* What was found. @full: everything was looked at. */
void haar_still_update (HaarStill *still, const gchar *camera, const HaarLuma *luma,
    const HaarParams *params, gboolean full, const GArray *rects);

G_END_DECLS
