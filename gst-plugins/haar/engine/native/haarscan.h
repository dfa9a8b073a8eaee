/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haarkernel.h"
#include "haarpyramid.h"

G_BEGIN_DECLS

typedef struct _HaarScanner HaarScanner;

/* (nullable): there's no memory for it. The cascade must outlive the scanner. */
HaarScanner *haar_scanner_new (const HaarCascade *cascade, const HaarKernel *kernel);
void haar_scanner_free (HaarScanner *self);

/* A scan of one level: rows of windows in ascending order, as far as the integral image has been filled, and at
 * the end a HaarRect appended for each window that passes every stage, row by row. FALSE: there's no memory for it. */
gboolean haar_scanner_start (
    HaarScanner *self, const HaarIntegral *integral, const HaarLevel *level);
/* The number of windows of this level that have passed so far. */
guint haar_scanner_scan (HaarScanner *self, gint first_row, gint end_row);
void haar_scanner_finish (HaarScanner *self, GArray *rects);

G_END_DECLS
