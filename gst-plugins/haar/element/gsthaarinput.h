/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include "frames/haarzones.h"
#include "gsthaaroutput.h"

G_BEGIN_DECLS

/* The zones that the properties `zones` and `zones-file` define. Only the start of a run and the
 * streaming thread of the sink pad use this object. */
typedef struct {
  GstElement *element;             /* whose part it is */
  const GstHaarSettings *settings; /* with the object lock */

  HaarZones *current; /* NULL: none */
  guint serial;       /* value of `zones_serial` of the settings when they were applied */
  gchar *file;        /* name of the watched file; NULL: none */
  gint64 checked;     /* time of the last check of the file, us, monotonic */
  gint64 stamp[3];    /* modification time, size and inode of the file when it was read */
  guint misses;       /* number of successive failed checks of the file */
} GstHaarZones;

/* The part of the element that receives frames and events by the pad `sink`. The pad's streaming
 * thread makes a job of each frame and of each serialized event, and gives these jobs to the
 * workers. */
typedef struct {
  GstElement *element; /* the element of which this is a part */
  GstPad *pad;
  const GstHaarSettings *settings; /* with the object lock */
  GstHaarOutput *output;
  GstHaarRate *rate;

  HaarWorkers *workers; /* the workers of a run, which this part doesn't own */
  gboolean no_engine;   /* engine=none: in this run an element before this one finds the regions */

  /* Flushes may come at any time, also while the application starts or stops the element. Flushes
   * read `running`, and the start and the end of a run write it, so `run_lock` guards `running`. */
  GRWLock run_lock;
  /* a run is in progress, in which a flush may stop and start the tasks and the workers */
  gboolean running;

  /* Only the streaming thread of the sink pad uses the fields from here on. */
  GstVideoInfo info;
  gboolean have_info;
  GstHaarZones zones;
  GstSegment segment;
  /* time when the last frame was passed on to the workers, us, monotonic; 0: no frame was passed
   * on */
  gint64 passed_on;
  /* with engine=none: `in_row` of #HaarCost for the elements before this one, one of which finds
   * the regions */
  guint in_row;
  HaarParams agreed; /* the last search parameters whose min-size wasn't above max-size */
  /* the search parameters about which a warning was posted last, or equal to `agreed` */
  HaarParams refused;
} GstHaarInput;

/* @pad: becomes the element's. @settings, @output and @rate live as long as @input. */
void gst_haar_input_init (GstHaarInput *input, GstElement *element, GstPad *pad,
    const GstHaarSettings *settings, GstHaarOutput *output, GstHaarRate *rate);

void gst_haar_input_clear (GstHaarInput *input);

/* Returns FALSE, after posting an error, if min-size and max-size exclude every size, or the zones
 * are invalid. */
gboolean gst_haar_input_check_settings (GstHaarInput *input);
/* Called when a run begins, before its pads are active. */
void gst_haar_input_begin (GstHaarInput *input, HaarWorkers *workers);
/* Called before the end of a run. Waits until no thread handles a flush any more. */
void gst_haar_input_end (GstHaarInput *input);

G_END_DECLS
