/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fogfield.h"
#include "gstcameralink.h"

G_BEGIN_DECLS

/* The largest value (ns) of the properties of this plugin that are times: one day. */
#define GST_CAMERA_LONGEST_TIME (24 * 3600 * GST_SECOND)

/* Values of the properties that can be set. The element's object lock guards this structure. */
typedef struct {
  gchar *uri, *user, *password_file, *tls_ca_file; /* nullable */
  GstCameraTransport transport;
  guint64 latency, timeout, clock_tolerance; /* ns */
} GstCameraSettings;

/* The first of the property ids that gstipcamerasrc.c defines. */
enum { GST_CAMERA_PROP_OTHER = 100 };

/* The properties of GstCameraSettings. */
extern const FogField gst_camera_settings_fields[];

#define GST_TYPE_CAMERA_TRANSPORT (gst_camera_transport_get_type ())
GType gst_camera_transport_get_type (void);

void gst_camera_settings_init (GstCameraSettings *self);
void gst_camera_settings_clear (GstCameraSettings *self);
void gst_camera_settings_copy (GstCameraSettings *self, const GstCameraSettings *from);
/* Returns FALSE with @error (RESOURCE/SETTINGS, or RESOURCE/OPEN_READ if the password's file can't
 * be read) if the settings are wrong. The error's text shows no secret. */
gboolean gst_camera_settings_check (const GstCameraSettings *self, GError **error);
void gst_camera_settings_install_properties (GObjectClass *klass);

G_END_DECLS
