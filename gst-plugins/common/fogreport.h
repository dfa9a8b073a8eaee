/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define FOG_REPORT_CAPS "application/json, schema=(string)fog-report"
#define FOG_EVENT_CAPS "application/json, schema=(string)fog-event"

/* Longest time (s) between two frames of a camera; a camera that sends no frame for longer counts
 * as gone. */
#define FOG_REPORT_STILL_INTERVAL 60

/* The numbers of one camera in a replica's report. */
typedef struct {
  gchar *camera;
  gchar *session;   /* session of the camera's frames; NULL if the frames have none */
  guint64 frames;   /* frames counted in the interval */
  guint64 last_seq; /* the highest seq counted so far */
  gdouble min;      /* frames/s: the camera's minimum rate; 0: unknown */
  gdouble max;      /* maximum rate of the camera, frames/s; 0: unknown */
  gdouble weight;   /* weight of the camera's share relative to other cameras; 1: unknown */
  /* the longest time between two frames while the picture stands still, s; 0: unknown */
  gdouble still_interval;
  /* number of frames that the camera didn't send in the interval because they show nothing new */
  guint64 still;
  gboolean looked;    /* `brightness`, `detail` and `frozen` are known */
  gdouble brightness; /* mean luma of the last picture that was looked at, 0 to 255 */
  gdouble detail;     /* greatest contrast in the same picture, levels of luma; see FogLook */
  gdouble frozen;     /* time for which the picture has been bit-identical, s */
} FogReportCamera;

/* A report of one fog replica, as on the feedback topic (gst-plugins/README.md, "Messages"). */
typedef struct {
  gchar *replica;
  gchar *version;   /* version of the replica's program; NULL if unknown */
  guint64 seq;      /* the replica's running number of reports */
  gdouble interval; /* interval that the report covers, s, > 0 */
  guint64 frames;   /* frames counted in the interval */
  guint64 faces;    /* number of faces found in the counted frames */
  /* time (s), summed over all workers, that the counted frames would keep the workers busy if no
   * worker ever waited for a frame */
  gdouble busy;
  guint workers; /* >= 1 */
  /* number of messages waiting in the replica's partitions, and of frames waiting for a worker */
  guint64 lag;
  GArray *partitions; /* array of gint: the partitions that the replica reads */
  /* histogram of the times from capture to the end of the count, s; NAN: unknown */
  gdouble age_p50;
  gdouble age_p95;    /* s */
  GPtrArray *cameras; /* of FogReportCamera */
  gboolean leaving;   /* flag: this is the last report of a replica that stops */
} FogReport;

FogReport *fog_report_new (const gchar *replica);
void fog_report_free (FogReport *report);
/* Returns the entry of @camera in @report; adds an entry if @report has none. */
FogReportCamera *fog_report_add_camera (FogReport *report, const gchar *camera);
/* Adds an entry for @camera, which @report must not list yet. */
FogReportCamera *fog_report_append_camera (FogReport *report, const gchar *camera);

/* Returns: (transfer full): the report as JSON text. */
gchar *fog_report_to_json (const FogReport *report, gsize *size);

/**
 * fog_report_parse:
 * @text: any bytes, with or without a NUL at the end
 * @size: their number
 * @error: G_IO_ERROR_INVALID_DATA, and what is wrong with the text
 *
 * Unknown fields are ignored. The following are errors: a field of the wrong type, a number that is
 * negative or not finite, more than 4096 cameras or partitions, more than 1 MiB of text or 16
 * levels.
 *
 * Returns: (nullable) (transfer full): the report
 */
FogReport *fog_report_parse (const gchar *text, gsize size, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FogReport, fog_report_free)

G_END_DECLS
