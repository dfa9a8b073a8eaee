/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "cameraclock.h"

G_BEGIN_DECLS

typedef struct {
  /* counts of the whole run */
  guint64 frames, bytes;
  /* frames that were dropped because the queue was full, and frames that depend on them */
  guint64 dropped;
  guint64 clock_frames; /* frames with the camera's own time of capture */
  /* state of this connection */
  /* monotonic times (us) of the connection's first and latest frame; 0: no frame yet */
  gint64 first, last;
  CameraClock clock;
  gboolean ended; /* flag: the camera has ended the stream */
} GstCameraCounts;

/* All frames of a camera pass the gate, before the queue that separates the camera from downstream.
 * The gate drops frames that don't fit into the queue, because it must not block: a camera can't be
 * stopped. Since the gate sees all frames, the element can distinguish a camera that sends nothing
 * from a camera whose frames downstream doesn't take. The gate replaces the times of a connection's
 * own segment by running times, and adds the camera's time of capture if its clock can be
 * trusted. */
typedef struct {
  /* element with the clock and the base time, also the object of log messages */
  GstElement *element;
  GstElement *queue;

  GMutex lock; /* guards the fields below */
  GstCameraCounts counts;
  /* largest difference of a camera's clock that is used, ns; 0: the clock isn't used */
  GstClockTime tolerance;
  GstSegment packets;  /* segment of the connection's RTP packets */
  GstSegment frames;   /* segment of the connection's frames */
  GstClockTime packet; /* PTS of the latest packet */
  gboolean is_delta;   /* flag: the codec's frames depend on earlier frames */
  /* largest number of frames still to be dropped while a key frame is waited for */
  guint skip;
} GstCameraGate;

void gst_camera_gate_init (GstCameraGate *self, GstElement *element, GstElement *queue);
void gst_camera_gate_clear (GstCameraGate *self);

/* Sets all counts to 0; to be called when the element starts. */
void gst_camera_gate_reset (GstCameraGate *self);
/* To be called when a connection begins. @pad: pad by which the connection's frames leave */
void gst_camera_gate_open (GstCameraGate *self, GstPad *pad, GstClockTime tolerance);
/* @pad: pad by which the connection's RTP packets leave rtspsrc */
void gst_camera_gate_watch_packets (GstCameraGate *self, GstPad *pad);

void gst_camera_gate_read (GstCameraGate *self, GstCameraCounts *counts);

G_END_DECLS
