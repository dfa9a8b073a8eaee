/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstcamerabranch.h"

G_BEGIN_DECLS

/* The pads of a branch: they keep elements outside running while the branch is down. */

/* Makes @pad, which is new, handle what crosses the border of @branch. */
void camera_pads_adopt (GstCameraBranch *branch, GstPad *pad);
/* Gives EOS that came from outside to elements that have forgotten it by a restart. */
void camera_pads_renew_eos (GstElement *branch);

G_END_DECLS
