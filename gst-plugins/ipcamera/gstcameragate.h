/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "cameraclock.h"

G_BEGIN_DECLS

typedef struct {
  /* of the whole run */
  guint64 frames, bytes;
  guint64 dropped;      /* frames for which the queue had no room, and those that need them */
  guint64 clock_frames; /* frames with the camera's own time of capture */
  /* of this connection */
  gint64 first, last; /* when its first and its latest frame came, monotonic us; 0: none yet */
  CameraClock clock;
  gboolean ended; /* the camera ended the stream */
} GstCameraCounts;

/* What all frames of a camera pass, before the queue that separates the camera from what follows.
 * It never blocks: a camera can't be stopped, so frames that don't fit into the queue are dropped.
 * So a camera that gives nothing is distinguished from one whose frames nobody takes. It replaces
 * the times of a connection's own segment by running times, and adds the camera's time of capture
 * if its clock can be trusted. */
typedef struct {
  GstElement *element; /* its clock and base time count, and it logs */
  GstElement *queue;

  GMutex lock; /* guards the fields below */
  GstCameraCounts counts;
  GstClockTime tolerance; /* of the camera's clock, ns; 0: it isn't used */
  GstSegment packets;     /* of the connection's RTP packets */
  GstSegment frames;      /* of its frames */
  GstClockTime packet;    /* PTS of the latest packet */
  gboolean is_delta;      /* the frames need those before them */
  guint skip;             /* frames that are dropped before the next key frame, at most */
} GstCameraGate;

void gst_camera_gate_init (GstCameraGate *self, GstElement *element, GstElement *queue);
void gst_camera_gate_clear (GstCameraGate *self);

/* A run begins. */
void gst_camera_gate_reset (GstCameraGate *self);
/* A connection begins, whose frames leave it by @pad. */
void gst_camera_gate_open (GstCameraGate *self, GstPad *pad, GstClockTime tolerance);
/* Its RTP packets leave rtspsrc by @pad. */
void gst_camera_gate_watch_packets (GstCameraGate *self, GstPad *pad);

void gst_camera_gate_read (GstCameraGate *self, GstCameraCounts *counts);

G_END_DECLS
