/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * camera_tls_trust:
 * @rtspsrc: whose TLS connections are checked
 * @file: PEM: certificates of authorities, or of cameras
 * @error: RESOURCE/SETTINGS: the file holds no certificate; RESOURCE/OPEN_READ: it can't be read
 *
 * Trusts the certificates in @file instead of the system's authorities. A camera whose very
 * certificate is in @file may have any name in it, since cameras rarely know their own.
 */
gboolean camera_tls_trust (GstElement *rtspsrc, const gchar *file, GError **error);
/* Returns FALSE with @error, as camera_tls_trust() has it. */
gboolean camera_tls_check (const gchar *file, GError **error);

G_END_DECLS
