/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * camera_tls_trust:
 * @rtspsrc: the rtspsrc whose TLS connections are to be checked
 * @file: name of a PEM file with certificates of authorities, or of cameras
 * @error: RESOURCE/SETTINGS: @file contains no certificate; RESOURCE/OPEN_READ: @file can't be read
 *
 * Trusts the certificates in @file instead of the system's authorities. If the certificate of a
 * camera itself is in @file, the names in the certificate aren't checked, since cameras rarely know
 * their own name.
 */
gboolean camera_tls_trust (GstElement *rtspsrc, const gchar *file, GError **error);
/* Tests whether @file can be used. Returns FALSE with the same @error as camera_tls_trust(). */
gboolean camera_tls_check (const gchar *file, GError **error);

G_END_DECLS
