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
  gchar *session; /* of its producer's newest run; NULL: not known */
  LiveSenders senders;
  LiveHealth health;
  gint64 since;  /* of the health */
  gint64 active; /* when anything last showed that it gives frames */
  /* When the newest frame that is known to be counted was captured, or its answer came, if that was
   * earlier; 0: none. */
  gint64 answered;
  gint64 counted;                  /* the same by the camera's clock, which may be ahead */
  LiveAnswer *answer;              /* the newest event; NULL: none */
  gint64 found;                    /* when its frame was captured, likewise */
  guint faces;                     /* in the newest frame that was counted */
  guint64 seq;                     /* the highest of the session */
  LiveProgress *progress;          /* of seq, a sample at each tick */
  RateController *observer;        /* decides as the camera does, from the same reports */
  gdouble wanted, minimum, weight; /* frames/s; wanted 0: not known */
  gdouble given;                   /* rate that the camera sends, frames/s; NAN: not known */
  gdouble pace;                    /* the same while frames came: a pause doesn't lower it */
  guint64 paced;                   /* seq at which the rate was measured */
  gdouble interval;                /* longest interval of the reports that list the camera, s */
  /* interval in which the camera sends a frame of a still picture, s; 0: it sends all */
  gdouble still_interval;
  gboolean is_still; /* it has left out frames that show nothing new, says the last report */
} LiveCamera;

LiveCamera *live_camera_new (const gchar *name, gint64 now);
void live_camera_free (LiveCamera *self);

/* A frame of it was seen: @seq and @session by whatever showed it; @session: (nullable);
 * @captured: 0: unknown */
void live_camera_see (
    LiveCamera *self, const gchar *session, guint64 seq, gint64 captured, gint64 now);
void live_camera_take_answer (LiveCamera *self, LiveAnswer *answer, gint64 now);
/* @own: the camera's entry in @report; NULL: it has none */
void live_camera_take_report (
    LiveCamera *self, const FogReport *report, const FogReportCamera *own, gint64 now);

/* Twice a second. @watched: whether the camera's frames are being read. Returns: whether the health
 * has changed. */
gboolean live_camera_tick (LiveCamera *self, gboolean watched, gint64 now);

/* The clock was set back to @now: nothing was later. */
void live_camera_set_back (LiveCamera *self, gint64 now);

const gchar *live_health_name (LiveHealth health);
/* "camera", "fog", "link", "minimum" or "unknown"; @reason: (out): the same in a sentence */
const gchar *live_camera_get_bound (const LiveCamera *self, gint64 now, const gchar **reason);

G_END_DECLS
