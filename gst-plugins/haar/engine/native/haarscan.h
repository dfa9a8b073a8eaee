/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haargroup.h"
#include "haarkernel.h"
#include "haarpyramid.h"

G_BEGIN_DECLS

typedef struct _HaarScanner HaarScanner;

/* Returns: (nullable): the scanner; NULL if there is no memory for it. @cascade must live longer
 * than the scanner. */
HaarScanner *haar_scanner_new (const HaarCascade *cascade, const HaarKernel *kernel);
void haar_scanner_free (HaarScanner *self);

/* Begins the scan of a level. FALSE: there is no memory for it. */
gboolean haar_scanner_start (
    HaarScanner *self, const HaarIntegral *integral, const HaarLevel *level);
/* Scans rows of windows, in ascending order; the integral image must be filled as far as they need
 * it. Returns: the number of this level's windows that have passed so far */
guint haar_scanner_scan (HaarScanner *self, gint first_row, gint end_row);
/* Appends a HaarWindow for each window that passes every stage, row by row. */
void haar_scanner_finish (HaarScanner *self, GArray *windows);

G_END_DECLS
