/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * gst_mongo_describe:
 * @buffer: any buffer
 * @caps: (nullable): the caps of the buffer
 * @captured: capture time, ns since the Unix epoch, or %GST_CLOCK_TIME_NONE
 *
 * Returns: (transfer full): a document with the fields `caps`, `pts`, `dts`, `duration` (ns),
 * `captured` (a date) and `headers` (a document of texts), as far as they are known
 */
bson_t *gst_mongo_describe (GstBuffer *buffer, GstCaps *caps, GstClockTime captured);

/**
 * gst_mongo_wrap:
 * @error: G_IO_ERROR_INVALID_DATA: the document would be too large
 *
 * Returns: (nullable) (transfer full): the document that gst_mongo_describe() returns, with the
 * buffer's bytes in the field `data`
 */
bson_t *gst_mongo_wrap (GstBuffer *buffer, GstCaps *caps, GstClockTime captured, GError **error);

G_END_DECLS
