/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haarkernel.h"
#include "haarpyramid.h"

G_BEGIN_DECLS

typedef struct _HaarScanner HaarScanner;

/* The cascade must outlive the scanner. */
HaarScanner *haar_scanner_new (const HaarCascade *cascade, const HaarKernel *kernel);
void haar_scanner_free (HaarScanner *self);

/* Appends a HaarRect for each of the level's windows that passes every stage, row by row. */
void haar_scanner_scan (
    HaarScanner *self, const HaarIntegral *integral, const HaarLevel *level, GArray *rects);

G_END_DECLS
