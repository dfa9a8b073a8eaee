/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "gsthaarstats.h"

G_BEGIN_DECLS

/* The branch of the pad `src`, by which documents leave. A task of the pad pushes the documents; it
 * runs the loop of the output (gsthaaroutput.h). */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *pad, *sinkpad;
  GstHaarStats *stats;
  gpointer output; /* for the functions of the pad's task */

  GMutex lock;          /* guards the fields below; a leaf lock */
  GstFlowReturn answer; /* the pad's last flow return in this stream */
} GstHaarSrc;

/* @pad: becomes the element's. @output: the object whose function runs as the pad's task */
void gst_haar_src_init (GstHaarSrc *src, GstElement *element, GstPad *pad, GstPad *sinkpad,
    GstHaarStats *stats, gpointer output);
void gst_haar_src_clear (GstHaarSrc *src);

/* A new stream: the reader has answered nothing yet. */
void gst_haar_src_reset_answer (GstHaarSrc *src);
/* What the reader answers to the frames: NOT_LINKED without one. */
GstFlowReturn gst_haar_src_get_answer (GstHaarSrc *src);

/* Pushes the event that replaces @event in the stream of documents, if any. From the pad's task. */
void gst_haar_src_push_event (GstHaarSrc *src, GstEvent *event);
/* Pushes @document (nullable, transfer full), or @gap (nullable) if there is none. From the pad's
 * task. */
void gst_haar_src_push (GstHaarSrc *src, GstBuffer *document, GstEvent *gap);

G_END_DECLS
