/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * source_rates_choose:
 * @offered: the source's caps, all of one format and size
 * @rate: frames/s that are wanted
 * @native_n: the source's own rate, above which nothing is chosen
 * @native_d: its denominator
 * @n: (out): of the smallest rate offered that covers @rate; if none does, of the largest
 * @d: (out): its denominator
 *
 * Returns: %FALSE if no rate is offered
 */
gboolean source_rates_choose (
    const GstCaps *offered, gdouble rate, gint native_n, gint native_d, gint *n, gint *d);

/* (transfer full): @caps at any frame rate. */
GstCaps *source_rates_any (const GstCaps *caps);

G_END_DECLS
