/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include "gsthaaroutput.h"
#include "gsthaarzones.h"

G_BEGIN_DECLS

/* What arrives: the pad `sink`. The pad's thread makes a job of each frame and of each event that
 * keeps its place among them, and gives them to the workers. */
typedef struct {
  GstElement *element; /* the element of which this is a part */
  GstPad *pad;
  const GstHaarSettings *settings; /* with the object lock */
  GstHaarOutput *output;
  GstHaarRate *rate;

  HaarWorkers *workers; /* the workers of a run; borrowed */
  gboolean no_engine;   /* in this run an element before this one finds the regions */

  /* Flushes may come at any time, also while the application starts or stops the element. They read
   * `running`; the start and the end of a run write it. */
  GRWLock run_lock;
  gboolean running; /* the tasks and the workers may be stopped and started */

  /* Only the thread of the sink pad uses the next fields. */
  GstVideoInfo info;
  gboolean have_info;
  GstHaarZones zones;
  GstSegment segment;
  gint64 passed_on; /* time when the last frame was passed on, us, monotonic; 0: no frame was */
  /* cost of the elements before (#HaarCost), used if one of them finds the regions */
  guint in_row;
  HaarParams agreed;  /* the last parameters that left a size to look for */
  HaarParams refused; /* parameters of the last warning since those, or equal to `agreed` */
} GstHaarInput;

/* @pad: becomes the element's. @settings, @output and @rate live as long as @input. */
void gst_haar_input_init (GstHaarInput *input, GstElement *element, GstPad *pad,
    const GstHaarSettings *settings, GstHaarOutput *output, GstHaarRate *rate);

void gst_haar_input_clear (GstHaarInput *input);

/* In that case an error was posted. Returns FALSE if min-size and max-size exclude every size, or
 * the zones are invalid. */
gboolean gst_haar_input_check_settings (GstHaarInput *input);
/* Called when a run begins, before its pads are active. */
void gst_haar_input_begin (GstHaarInput *input, HaarWorkers *workers);
/* Called before the end of a run. Waits until the handling of flushes has ended. */
void gst_haar_input_end (GstHaarInput *input);

G_END_DECLS
