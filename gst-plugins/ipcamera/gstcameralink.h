/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  GST_CAMERA_TRANSPORT_TCP,
  GST_CAMERA_TRANSPORT_UDP,
  GST_CAMERA_TRANSPORT_AUTO,
} GstCameraTransport;

typedef struct {
  const gchar *uri;
  const gchar *user, *password; /* nullable */
  const gchar *tls_ca_file;     /* nullable */
  GstCameraTransport transport;
  GstClockTime latency, timeout; /* ns */
} GstCameraAddress;

/* Called once when rtspsrc has the camera's video. @codec: "H264", "H265" or "JPEG" */
typedef void (*GstCameraFound) (GstPad *packets, const gchar *codec, gpointer data);

/* One connection to a camera: rtspsrc with a depayloader and, if downstream needs them, a parser
 * and a decoder. Each connection gets new elements, because new elements certainly have no state of
 * the last connection. */
typedef struct {
  GstElement *bin; /* bin of the connection's elements, which the owner adds to its own bin */
  GstElement *source;
  GstPad *pad;       /* ghost pad by which frames leave the bin */
  GstPad *following; /* source pad of ipcamerasrc, whose peer decides which caps are accepted */
  gboolean found;    /* a video was chosen */
  GstCameraFound notify;
  gpointer data;
} GstCameraLink;

/**
 * gst_camera_link_new:
 * @following: source pad of ipcamerasrc, whose peer decides which caps are accepted
 * @error: GST_CORE_ERROR_MISSING_PLUGIN: rtspsrc isn't installed
 *
 * If the connection fails later, an element inside @bin posts an error message.
 *
 * Returns: (nullable): the connection, to be freed once its bin is in the state NULL
 */
GstCameraLink *gst_camera_link_new (const GstCameraAddress *address, GstPad *following,
    GstCameraFound notify, gpointer data, GError **error);
void gst_camera_link_free (GstCameraLink *self);

G_END_DECLS
