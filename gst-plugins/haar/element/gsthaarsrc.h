/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "gsthaarstats.h"

G_BEGIN_DECLS

/* The branch of the pad `src`, by which documents leave. A task of the pad pushes the documents;
 * this task runs the loop of GstHaarOutput (gsthaaroutput.h). */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *pad, *sinkpad;
  GstHaarStats *stats;
  gpointer output; /* the GstHaarOutput, for the functions of the pad's task */

  GMutex lock;          /* guards the fields below; a leaf lock */
  GstFlowReturn answer; /* the pad's last flow return in this stream */
} GstHaarSrc;

/* @pad: becomes the element's. @output: the GstHaarOutput whose function runs as the pad's task */
void gst_haar_src_init (GstHaarSrc *src, GstElement *element, GstPad *pad, GstPad *sinkpad,
    GstHaarStats *stats, gpointer output);
void gst_haar_src_clear (GstHaarSrc *src);

/* Called when a stream begins: forgets the flow return of the previous stream. */
void gst_haar_src_reset_answer (GstHaarSrc *src);
/* Returns the flow return of the pad's last push; NOT_LINKED if the pad isn't linked. */
GstFlowReturn gst_haar_src_get_answer (GstHaarSrc *src);

/* Pushes @event, or the event that replaces it in the stream of documents, if it concerns that
 * stream at all. From the pad's task. */
void gst_haar_src_push_event (GstHaarSrc *src, GstEvent *event);
/* Pushes @document (nullable, transfer full), or, if @document is NULL, @gap (nullable). From the
 * pad's task. */
void gst_haar_src_push (GstHaarSrc *src, GstBuffer *document, GstEvent *gap);

G_END_DECLS
