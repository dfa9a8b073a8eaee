/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_MONGO_SINK (gst_mongo_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstMongoSink, gst_mongo_sink, GST, MONGO_SINK, GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE (mongosink);

G_END_DECLS
