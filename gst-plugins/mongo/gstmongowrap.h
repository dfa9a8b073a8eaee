/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * gst_mongo_describe:
 * @buffer: any buffer
 * @caps: (nullable): what it holds
 * @captured: ns since the Unix epoch, or %GST_CLOCK_TIME_NONE
 *
 * Returns: (transfer full): a document with, as far as they are known, `caps`, `pts`, `dts`,
 * `duration` (ns), `captured` (a date) and `headers` (a document of texts)
 */
bson_t *gst_mongo_describe (GstBuffer *buffer, GstCaps *caps, GstClockTime captured);

/**
 * gst_mongo_wrap:
 * @error: G_IO_ERROR_INVALID_DATA: why it makes no document
 *
 * Returns: (nullable) (transfer full): what gst_mongo_describe() says
 * of it, and its bytes as `data`
 */
bson_t *gst_mongo_wrap (GstBuffer *buffer, GstCaps *caps, GstClockTime captured, GError **error);

G_END_DECLS
