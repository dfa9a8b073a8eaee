/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "cameraclock.h"

G_BEGIN_DECLS

typedef struct {
  /* counts of the whole run */
  guint64 frames, bytes;
  /* frames for which the queue had no room, and frames that depend on these */
  guint64 dropped;
  guint64 clock_frames; /* frames with the camera's own time of capture */
  /* state of this connection */
  gint64 first, last; /* when its first and its latest frame came, monotonic us; 0: none yet */
  CameraClock clock;
  gboolean ended; /* the camera ended the stream */
} GstCameraCounts;

/* All frames of a camera pass the gate, before the queue that separates the camera from downstream.
 * The gate never blocks: a camera can't be stopped, so frames that don't fit into the queue are
 * dropped. So the element can distinguish a camera that sends nothing from a camera whose frames
 * downstream doesn't take. The gate replaces the times of a connection's own segment by running
 * times, and adds the camera's time of capture if its clock can be trusted. */
typedef struct {
  GstElement *element; /* has the clock and the base time, and is named in the log */
  GstElement *queue;

  GMutex lock; /* guards the fields below */
  GstCameraCounts counts;
  /* largest difference of the camera's clock, ns; 0: the camera's clock isn't used */
  GstClockTime tolerance;
  GstSegment packets;  /* segment of the connection's RTP packets */
  GstSegment frames;   /* segment of the connection's frames */
  GstClockTime packet; /* PTS of the latest packet */
  gboolean is_delta;   /* the frames depend on earlier ones */
  guint skip;          /* number of frames to drop before the next key frame, at most */
} GstCameraGate;

void gst_camera_gate_init (GstCameraGate *self, GstElement *element, GstElement *queue);
void gst_camera_gate_clear (GstCameraGate *self);

/* To be called when a run begins. */
void gst_camera_gate_reset (GstCameraGate *self);
/* To be called when a connection begins. @pad: the connection's frames leave by this pad */
void gst_camera_gate_open (GstCameraGate *self, GstPad *pad, GstClockTime tolerance);
/* @pad: the connection's RTP packets leave rtspsrc by this pad */
void gst_camera_gate_watch_packets (GstCameraGate *self, GstPad *pad);

void gst_camera_gate_read (GstCameraGate *self, GstCameraCounts *counts);

G_END_DECLS
