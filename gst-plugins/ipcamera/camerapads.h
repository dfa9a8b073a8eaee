/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstcamerabranch.h"

G_BEGIN_DECLS

/* The pads of a branch: they keep elements outside running while the branch is down. */

/* Makes the new @pad handle the buffers, events and queries that enter or leave @branch. */
void camera_pads_adopt (GstCameraBranch *branch, GstPad *pad);
/* Sends EOS that came from outside to the elements again, which have forgotten it by a restart. */
void camera_pads_renew_eos (GstElement *branch);

G_END_DECLS
