/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "liveanswer.h"

G_BEGIN_DECLS

/* A message of the camera topic, which is a frame. Reference-counted, and immutable except for
 * @first. */
typedef struct {
  gatomicrefcount refs;
  LivePlace place;
  gchar *id;      /* id of the frame, the same as `_id` of the event about it */
  gchar *camera;  /* name of the camera; NULL: the producer sent none */
  gchar *session; /* NULL: none */
  guint64 seq;
  gint64 captured;  /* time of capture, ms since the Unix epoch */
  gint64 arrived;   /* time when the frame arrived in this process, ms since the Unix epoch */
  GstCaps *caps;    /* NULL: not known */
  GstClockTime pts; /* PTS in the producer's stream; GST_CLOCK_TIME_NONE: not known */
  /* flag: the frame can be decoded only with the frames since the last keyframe */
  gboolean delta;
  /* offset of the keyframe, which is this frame's own if it is one; -1: not known. Set by
   * live_frames_add() */
  gint64 first;
  gint width, height; /* size of the picture, px; 0: the caps don't contain it */
  gsize size;         /* bytes */
  GBytes *bytes;      /* contents of the frame; NULL: too large to be kept */
} LiveFrame;

/* Size in bytes of the largest frame that is shown. */
#define LIVE_FRAME_MAX (8 * 1024 * 1024)

/* Returns: (nullable) (transfer full): the frame; NULL if @sample has no position in a topic. The
 * bytes are copied, because a message keeps all messages of its fetch response in memory. */
LiveFrame *live_frame_new (GstSample *sample, gint64 now);
LiveFrame *live_frame_ref (LiveFrame *self);
void live_frame_unref (LiveFrame *self);
/* Returns whether the frame belongs to the same stream as @later, and comes before @later. */
gboolean live_frame_precedes (const LiveFrame *self, const LiveFrame *later);

/* The brokers that are named in the command lines for a frame and for its event. */
typedef struct {
  LiveBroker frames, events;
} LiveBrokers;

/* Adds the members of a frame to the object that @json is in. @answer: (nullable): the fog's answer
 * about the frame; @counted: whether the fog has counted the frame, even if there is no answer */
void live_frame_to_json (const LiveFrame *self, const LiveAnswer *answer, gboolean counted,
    const LiveBrokers *servers, JsonBuilder *json);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LiveFrame, live_frame_unref)

G_END_DECLS
