/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstcamerartsp.h"

#define PASSWORD "user-pw"
#define PROP_PASSWORD 1

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GObjectClass *rtspsrc = g_type_class_peek_parent (G_OBJECT_GET_CLASS (object));
  GParamSpec *own = g_object_class_find_property (rtspsrc, PASSWORD);

  rtspsrc->set_property (object, own->param_id, value, own);
}

static void
class_init (gpointer klass, gpointer data)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = set_property;
  g_object_class_install_property (object_class, PROP_PASSWORD,
      g_param_spec_string (PASSWORD, "Password", "The camera's password", NULL,
          G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS));
}

static GType
derive (GType rtspsrc)
{
  GTypeQuery sizes;
  GTypeInfo info = {.class_init = class_init};

  g_type_query (rtspsrc, &sizes);
  info.class_size = (guint16) sizes.class_size;
  info.instance_size = (guint16) sizes.instance_size;
  return g_type_register_static (rtspsrc, "GstCameraRtsp", &info, 0);
}

static GType
get_type (void)
{
  static GMutex lock;
  static GType type;
  GstElementFactory *factory;

  g_mutex_lock (&lock);
  factory = type ? NULL : gst_element_factory_find ("rtspsrc");
  if (factory) {
    GstPluginFeature *loaded = gst_plugin_feature_load (GST_PLUGIN_FEATURE (factory));

    if (loaded)
      type = derive (gst_element_factory_get_element_type (GST_ELEMENT_FACTORY (loaded)));
    g_clear_object (&loaded);
    gst_object_unref (factory);
  }
  g_mutex_unlock (&lock);
  return type;
}

GstElement *
gst_camera_rtsp_new (void)
{
  GType type = get_type ();

  return type ? g_object_new (type, NULL) : NULL;
}
