/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haargroup.h"
#include "haarkernel.h"

G_BEGIN_DECLS

/* One level of a scan, that is, one scale: the size of the scaled picture, and the windows that are
 * evaluated in it. */
typedef struct {
  gfloat scale;
  gint width, height; /* of the scaled picture */
  gint step;          /* distance between windows in both directions, px */
  /* bounds for the first column and row of a window: windows start at 0, step, 2 step … below
   * these */
  gint columns, rows;
  gint window_width, window_height; /* size of the window in pixels of the original picture */
} HaarLevel;

typedef struct _HaarScanner HaarScanner;

/* Returns: (nullable): a scanner, which searches levels of a picture with a cascade; NULL if there
 * is no memory for it. @cascade must live longer than the scanner. */
HaarScanner *haar_scanner_new (const HaarCascade *cascade, const HaarKernel *kernel);
void haar_scanner_free (HaarScanner *self);

/* Begins the scan of a level. Returns FALSE if there is no memory for the scan. */
gboolean haar_scanner_start (
    HaarScanner *self, const HaarIntegral *integral, const HaarLevel *level);
/* Scans rows of windows, in ascending order; the integral images must be filled as far as these
 * windows need them. Returns: the number of this level's windows that are already known to have
 * passed all stages */
guint haar_scanner_scan (HaarScanner *self, gint first_row, gint end_row);
/* Ends the scan of a level, and appends to @windows a HaarWindow for each window that passes every
 * stage, row by row. */
void haar_scanner_finish (HaarScanner *self, GArray *windows);

G_END_DECLS
