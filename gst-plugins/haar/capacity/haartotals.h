/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Cameras that are counted one by one; those beyond are counted together. */
#define HAAR_TOTALS_MAX 256

/* Frames and faces of each camera since the start of a run. The caller locks. */
typedef struct _HaarTotals HaarTotals;

HaarTotals *haar_totals_new (void);
void haar_totals_free (HaarTotals *self);
void haar_totals_clear (HaarTotals *self);
/* @camera: (nullable): as the frame's header says */
void haar_totals_add (HaarTotals *self, const gchar *camera, guint faces);
/* Sets field `cameras` of @s: a GstValueArray of structures with `camera` (string), `frames` and `faces` (guint64). */
void haar_totals_to_field (const HaarTotals *self, GstStructure *s);

G_END_DECLS
