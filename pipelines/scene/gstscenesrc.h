/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_SCENE_SRC (gst_scene_src_get_type ())
G_DECLARE_FINAL_TYPE (GstSceneSrc, gst_scene_src, GST, SCENE_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (scenesrc)

G_END_DECLS
