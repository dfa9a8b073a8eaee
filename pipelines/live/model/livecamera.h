/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fogreport.h"
#include "liveanswer.h"
#include "liveprogress.h"
#include "livesenders.h"
#include "ratecontroller.h"

G_BEGIN_DECLS

typedef enum {
  LIVE_CAMERA_UNKNOWN,
  LIVE_CAMERA_GOOD,
  LIVE_CAMERA_LATE,    /* no new answer for a while */
  LIVE_CAMERA_STOPPED, /* no frame */
} LiveHealth;

/* A camera, as reports, events and its frames show it. Times are ms since the Unix epoch. */
typedef struct {
  gchar *name;
  gchar *session; /* session of its producer's newest run; NULL: not known */
  LiveSenders senders;
  LiveHealth health;
  gint64 since;  /* since when @health is what it is */
  gint64 active; /* when anything last showed that the camera gives frames */
  /* The time of the newest frame that was counted: its time of capture, or the time when its answer
   * came if that is earlier; 0: none. */
  gint64 answered;
  /* that frame's time of capture by the camera's clock, which may be ahead */
  gint64 counted;
  LiveAnswer *answer;     /* the newest event; NULL: none */
  gint64 found;           /* the time of the frame of @answer, as in @answered */
  guint faces;            /* number of faces in the newest frame that was counted */
  guint64 seq;            /* the session's highest seq */
  LiveProgress *progress; /* progress of @seq, with a sample at each tick */
  /* computes the camera's rate from the same reports as the camera does */
  RateController *observer;
  gdouble wanted, minimum, weight; /* frames/s; wanted 0: not known */
  gdouble given;                   /* rate that the camera sends, frames/s; NAN: not known */
  /* @given when a frame last came, so that a pause doesn't lower it */
  gdouble pace;
  guint64 paced;    /* seq at which the rate was measured */
  gdouble interval; /* longest interval of the reports that list the camera, s */
  /* interval in which the camera sends a frame of a still picture, s; 0: it sends all */
  gdouble still_interval;
  gboolean is_still; /* according to the last report, it left out frames that show nothing new */
} LiveCamera;

LiveCamera *live_camera_new (const gchar *name, gint64 now);
void live_camera_free (LiveCamera *self);

/* To be called when a frame, an event or a report shows a frame of the camera. @session:
 * (nullable); @captured: 0: unknown */
void live_camera_see (
    LiveCamera *self, const gchar *session, guint64 seq, gint64 captured, gint64 now);
void live_camera_take_answer (LiveCamera *self, LiveAnswer *answer, gint64 now);
/* @own: the camera's entry in @report; NULL: it has none */
void live_camera_take_report (
    LiveCamera *self, const FogReport *report, const FogReportCamera *own, gint64 now);

/* Returns whether no frame of it was seen for so long before @at that it counts as stopped.
 * @watched: whether the camera's frames are being read. */
gboolean live_camera_is_silent (const LiveCamera *self, gboolean watched, gint64 at);

/* To be called twice a second. @watched: whether the camera's frames are being read. Returns:
 * whether the health has changed. */
gboolean live_camera_tick (LiveCamera *self, gboolean watched, gint64 now);

/* To be called when the clock was set back to @now: sets later times to @now. */
void live_camera_set_back (LiveCamera *self, gint64 now);

const gchar *live_health_name (LiveHealth health);
/* Returns what bounds the camera's rate: "camera", "fog", "link", "minimum" or "unknown". @reason:
 * (out): the same in a sentence */
const gchar *live_camera_get_bound (const LiveCamera *self, gint64 now, const gchar **reason);

G_END_DECLS
