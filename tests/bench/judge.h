/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"

/* What is found, beside what is there. */

#define JUDGE_MAX 1024 /* boxes of a picture */

/* @right: (out, JUDGE_MAX): for each of @found (of HaarBox) whether it is one of @truth (of
 * HaarRect). Each face counts once: a second box on it is wrong. Returns: the number of right
 * ones */
guint judge_boxes (const GArray *found, const GArray *truth, gboolean *right);
