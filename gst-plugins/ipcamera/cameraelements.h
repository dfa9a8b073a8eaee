/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Starts and stops the elements of a bin while the bin itself keeps its state. */

/* Starts the elements, and gives the sticky events of the bin's sink pads to them again. Returns
 * FALSE if an element doesn't start. */
gboolean camera_elements_start (GstBin *self);
/* Sets the elements to the state NULL. State changes of the bin don't start the elements until
 * camera_elements_release(). */
void camera_elements_stop (GstBin *self);
/* Makes the elements follow the state of the bin. */
void camera_elements_release (GstBin *self);

G_END_DECLS
