/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fogfield.h"
#include "gstcameralink.h"

G_BEGIN_DECLS

/* The properties that can be set. The element's object lock guards them. */
typedef struct {
  gchar *uri, *user, *password_file; /* nullable */
  GstCameraTransport transport;
  guint64 latency, timeout, clock_tolerance; /* ns */
} GstCameraSettings;

/* Ids of properties from here on are the element's. */
enum { GST_CAMERA_PROP_OTHER = 100 };

/* The properties of GstCameraSettings. */
extern const FogField gst_camera_settings_fields[];

#define GST_TYPE_CAMERA_TRANSPORT (gst_camera_transport_get_type ())
GType gst_camera_transport_get_type (void);

void gst_camera_settings_init (GstCameraSettings *self);
void gst_camera_settings_clear (GstCameraSettings *self);
void gst_camera_settings_copy (GstCameraSettings *self, const GstCameraSettings *from);
/* FALSE with @error: RESOURCE/SETTINGS, or OPEN_READ about the file of the password. Its text shows
 * no secret. */
gboolean gst_camera_settings_check (const GstCameraSettings *self, GError **error);
void gst_camera_settings_install_properties (GObjectClass *klass);

G_END_DECLS
