/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "liveanswer.h"

G_BEGIN_DECLS

/* A frame of the camera topic, as its message brought it. Immutable but for @first,
 * reference-counted. */
typedef struct {
  gatomicrefcount refs;
  LivePlace place;
  gchar *id;      /* id, as in the event's `_id` */
  gchar *camera;  /* NULL: its producer named none */
  gchar *session; /* NULL: none */
  guint64 seq;
  gint64 captured;  /* ms since the Unix epoch */
  gint64 arrived;   /* time of arrival here; ms since the Unix epoch */
  GstCaps *caps;    /* NULL: not known */
  GstClockTime pts; /* time in its producer's stream; GST_CLOCK_TIME_NONE: not known */
  gboolean delta;   /* flag: the frame needs the frames since the last keyframe */
  gint64 first; /* offset of that keyframe, or its own; -1: not known. Set by live_frames_add() */
  gint width, height; /* size; 0: the caps don't contain it */
  gsize size;         /* bytes */
  GBytes *bytes;      /* bytes of the frame; NULL: too large to be kept */
} LiveFrame;

/* Size in bytes of the largest frame that is shown. */
#define LIVE_FRAME_MAX (8 * 1024 * 1024)

/* Returns: (nullable) (transfer full): the frame; NULL if @sample has no position in a topic. The
 * bytes are copied, since a message keeps the whole fetch that brought it. */
LiveFrame *live_frame_new (GstSample *sample, gint64 now);
LiveFrame *live_frame_ref (LiveFrame *self);
void live_frame_unref (LiveFrame *self);
/* Returns whether the frame is of the same stream as @later, and before it. */
gboolean live_frame_precedes (const LiveFrame *self, const LiveFrame *later);

/* The brokers for the command lines that show a frame and its event. */
typedef struct {
  LiveBroker frames, events;
} LiveBrokers;

/* Adds the members of a frame to the object that @json is in. @answer: (nullable): what the fog
 * found; @counted: whether the fog has counted the frame, even if there is no answer */
void live_frame_to_json (const LiveFrame *self, const LiveAnswer *answer, gboolean counted,
    const LiveBrokers *servers, JsonBuilder *json);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LiveFrame, live_frame_unref)

G_END_DECLS
