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
  LIVE_CAMERA_LATE,    /* the fog's newest answer about the camera is old */
  LIVE_CAMERA_STOPPED, /* the camera has sent no frame for a while */
} LiveHealth;

/* The state of a camera, as learned from reports, events and its frames. Times are ms since the
 * Unix epoch. */
typedef struct {
  gchar *name;
  gchar *session; /* session of the newest run of the camera's producer; NULL: not known */
  LiveSenders senders;
  LiveHealth health;
  gint64 since; /* time of the last change of @health */
  /* time when a frame, an event or a report last showed that the camera sends frames */
  gint64 active;
  /* Time of the newest counted frame: its time of capture, or the time when its answer arrived if
   * that is earlier; 0: no frame was counted. */
  gint64 answered;
  /* time of capture of the newest counted frame by the camera's clock, which may be ahead */
  gint64 counted;
  /* time by which events lately come after the news, in an event or a report, that later frames
   * were counted: the longest such time, which decreases with each event and each report */
  gint64 lateness;
  LiveAnswer *answer;     /* newest event about the camera; NULL: none */
  gint64 found;           /* time of the frame of @answer, computed as @answered is */
  guint faces;            /* number of faces in the newest frame that was counted */
  guint64 seq;            /* the session's highest seq */
  LiveProgress *progress; /* records @seq at each tick */
  /* computes the camera's rate from the same reports as the camera does */
  RateController *observer;
  gdouble wanted, minimum, weight; /* frames/s; wanted 0: not known */
  gdouble given;                   /* rate that the camera sends, frames/s; NAN: not known */
  /* value of @given when the last frame came, which a pause doesn't lower */
  gdouble pace;
  guint64 paced;    /* value of @seq at the last tick */
  gdouble interval; /* longest interval of the reports that list the camera, s */
  /* longest time between two frames of a still picture, s; 0: the camera sends all frames */
  gdouble still_interval;
  /* flag: the camera didn't send some frames that show nothing new, according to the last report */
  gboolean is_still;
} LiveCamera;

LiveCamera *live_camera_new (const gchar *name, gint64 now);
void live_camera_free (LiveCamera *self);

/* To be called when a frame, an event or a report shows a frame of the camera. @session:
 * (nullable); @captured: 0: unknown */
void live_camera_see (
    LiveCamera *self, const gchar *session, guint64 seq, gint64 captured, gint64 now);
/* @again: the same event came before. After a crash, a fog replica counts frames again; how late
 * these events are says nothing about the next ones. */
void live_camera_take_answer (LiveCamera *self, LiveAnswer *answer, gboolean again, gint64 now);
/* Returns the time of capture up to which a frame without an event has no faces, because its event
 * would be here. @answered: time of capture of the newest frame that is known to have an event; 0:
 * none */
gint64 live_camera_get_settled (const LiveCamera *self, gint64 answered);
/* @own: (nullable): the camera's entry in @report; NULL: @report doesn't list the camera */
void live_camera_take_report (
    LiveCamera *self, const FogReport *report, const FogReportCamera *own, gint64 now);

/* Returns whether, at the time @at, the camera counts as stopped because no frame of it was seen
 * for too long. @watched: whether the camera's frames are being read. */
gboolean live_camera_is_silent (const LiveCamera *self, gboolean watched, gint64 at);

/* Updates the camera's health and rate; to be called twice a second. @watched: whether the camera's
 * frames are being read. Returns: whether the health has changed. */
gboolean live_camera_tick (LiveCamera *self, gboolean watched, gint64 now);

/* Sets all times of the camera that are after @now to @now; to be called when the clock was set
 * back. */
void live_camera_set_back (LiveCamera *self, gint64 now);

const gchar *live_health_name (LiveHealth health);
/* Returns what bounds the camera's rate: "camera", "fog", "link", "minimum" or "unknown". @reason:
 * (out): a sentence that says the same */
const gchar *live_camera_get_bound (const LiveCamera *self, gint64 now, const gchar **reason);

G_END_DECLS
