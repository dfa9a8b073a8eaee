/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"

/* Compares found boxes with the labelled ones. */

#define JUDGE_MAX 1024 /* boxes of a picture */

/* @right: (out, JUDGE_MAX): for each of @found (an array of HaarBox) whether it matches one of
 * @truth (an array of HaarRect). Each face counts once: a second box on the same face is wrong.
 * Returns: the number of boxes that are right */
guint judge_boxes (const GArray *found, const GArray *truth, gboolean *right);
