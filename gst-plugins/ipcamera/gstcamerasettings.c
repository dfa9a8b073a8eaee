/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstcamerasettings.h"

#include <string.h>

#include "camerasecret.h"
#include "cameratls.h"

#define DEFAULT_TRANSPORT GST_CAMERA_TRANSPORT_TCP
#define DEFAULT_LATENCY (500 * GST_MSECOND)
#define DEFAULT_TIMEOUT (10 * GST_SECOND)
#define DEFAULT_CLOCK_TOLERANCE (2 * GST_SECOND)
#define LONGEST_LATENCY (60 * GST_SECOND)

enum {
  PROP_URI = 1,
  PROP_USER,
  PROP_PASSWORD_FILE,
  PROP_TLS_CA_FILE,
  PROP_TRANSPORT,
  PROP_LATENCY,
  PROP_TIMEOUT,
  PROP_CLOCK_TOLERANCE,
};

#define FIELD(id, name) FOG_FIELD (id, GstCameraSettings, name)

const FogField gst_camera_settings_fields[] = {
    FIELD (PROP_URI, uri),
    FIELD (PROP_USER, user),
    FIELD (PROP_PASSWORD_FILE, password_file),
    FIELD (PROP_TLS_CA_FILE, tls_ca_file),
    FIELD (PROP_TRANSPORT, transport),
    FIELD (PROP_LATENCY, latency),
    FIELD (PROP_TIMEOUT, timeout),
    FIELD (PROP_CLOCK_TOLERANCE, clock_tolerance),
    {0},
};

/* The size is checked because FogField reads and writes an enum as a gint. */
G_STATIC_ASSERT (sizeof (GstCameraTransport) == sizeof (gint));

GType
gst_camera_transport_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    static const GEnumValue values[] = {
        {GST_CAMERA_TRANSPORT_TCP, "Within the RTSP connection", "tcp"},
        {GST_CAMERA_TRANSPORT_UDP, "UDP packets to a port of this machine", "udp"},
        {GST_CAMERA_TRANSPORT_AUTO, "UDP or multicast; TCP after 5 s without a packet", "auto"},
        {0, NULL, NULL},
    };
    g_once_init_leave (&type, g_enum_register_static ("GstCameraTransport", values));
  }
  return type;
}

void
gst_camera_settings_init (GstCameraSettings *self)
{
  *self = (GstCameraSettings){NULL, NULL, NULL, NULL, DEFAULT_TRANSPORT, DEFAULT_LATENCY,
      DEFAULT_TIMEOUT, DEFAULT_CLOCK_TOLERANCE};
}

void
gst_camera_settings_clear (GstCameraSettings *self)
{
  g_free (self->uri);
  g_free (self->user);
  g_free (self->password_file);
  g_free (self->tls_ca_file);
}

void
gst_camera_settings_copy (GstCameraSettings *self, const GstCameraSettings *from)
{
  *self = *from;
  self->uri = g_strdup (from->uri);
  self->user = g_strdup (from->user);
  self->password_file = g_strdup (from->password_file);
  self->tls_ca_file = g_strdup (from->tls_ca_file);
}

/* --- the check --- */

static gboolean
is_set (const gchar *text)
{
  return text && *text;
}

/* Returns: (nullable): what is wrong with the URI; NULL if it is valid */
static const gchar *
judge_uri (const gchar *text)
{
  g_autoptr (GstUri) uri = is_set (text) ? gst_uri_from_string (text) : NULL;
  const gchar *scheme = uri ? gst_uri_get_scheme (uri) : NULL;

  if (!is_set (text))
    return "isn't set: it takes rtsp://HOST:PORT/PATH";
  if (g_strcmp0 (scheme, "rtsp") != 0 && g_strcmp0 (scheme, "rtsps") != 0)
    return "doesn't begin with rtsp:// or rtsps://";
  /* any @ is refused, because GUri ends the user's part at a / or ? in a password */
  if (strchr (text, '@'))
    return "holds a user or a password, which lists of processes and logs would show: use user "
           "and password-file (an @ in the path is %40)";
  if (!is_set (gst_uri_get_host (uri)))
    return "names no host";
  return NULL;
}

static gboolean
fail (GError **error, const gchar *format, const gchar *what)
{
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, format, what);
  return FALSE;
}

static gboolean
check_password (const GstCameraSettings *self, GError **error)
{
  gchar *password;

  if (is_set (self->user) != is_set (self->password_file))
    return fail (error, "user and password-file belong together, and %s isn't set.",
        is_set (self->user) ? "password-file" : "user");
  if (!is_set (self->user))
    return TRUE;
  password = camera_secret_read (self->password_file, error);
  camera_secret_free (password);
  return password != NULL;
}

static gboolean
check_tls (const GstCameraSettings *self, GError **error)
{
  if (!is_set (self->tls_ca_file))
    return TRUE;
  if (!g_str_has_prefix (self->uri, "rtsps:"))
    return fail (error, "tls-ca-file is for addresses that begin with %s.", "rtsps://");
  return camera_tls_check (self->tls_ca_file, error);
}

gboolean
gst_camera_settings_check (const GstCameraSettings *self, GError **error)
{
  const gchar *wrong = judge_uri (self->uri);

  if (wrong) /* the text isn't shown, since a password may be in it */
    return fail (error, "uri %s.", wrong);
  return check_password (self, error) && check_tls (self, error);
}

/* --- properties --- */

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

static void
install_texts (GObjectClass *klass)
{
  /**
   * GstIpCameraSrc:uri:
   *
   * The address of the camera's stream: `rtsp://HOST:PORT/PATH`, or `rtsps://` for TLS. The address
   * contains no user and no password.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_URI,
      g_param_spec_string ("uri", "URI",
          "The address of the camera's stream: rtsp://HOST:PORT/PATH, or rtsps:// for TLS, without "
          "a password",
          NULL, FLAGS));
  /**
   * GstIpCameraSrc:user:
   *
   * The user whose password is in #GstIpCameraSrc:password-file.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_USER,
      g_param_spec_string (
          "user", "User", "The user whose password is in password-file", NULL, FLAGS));
  /**
   * GstIpCameraSrc:password-file:
   *
   * A file that holds the password in one line. The file is read again for each connection, so a
   * changed password needs no restart.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_PASSWORD_FILE,
      g_param_spec_string ("password-file", "Password file",
          "File that holds the password in one line, read again for each connection", NULL, FLAGS));
  /**
   * GstIpCameraSrc:tls-ca-file:
   *
   * A file in PEM of the certificates to trust instead of the system's authorities, for `rtsps://`:
   * the certificate of a private authority, or the camera's own certificate, which may then contain
   * any name. If the property is unset, the system's authorities are trusted. The file is read
   * again for each connection. A file of over 4 MiB is refused.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_TLS_CA_FILE,
      g_param_spec_string ("tls-ca-file", "TLS CA file",
          "File in PEM of the authorities, or the camera's own certificate, to trust for rtsps://; "
          "unset: the system's authorities",
          NULL, FLAGS));
}

static void
install_times (GObjectClass *klass)
{
  /**
   * GstIpCameraSrc:latency:
   *
   * Time (ns) to wait for packets that were lost or come late. No packet waits for longer than this
   * time. If no packet is lost, only the first frame is delayed.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LATENCY,
      g_param_spec_uint64 ("latency", "Latency",
          "Time (ns) to wait for packets that were lost or come late", 0, LONGEST_LATENCY,
          DEFAULT_LATENCY, FLAGS));
  /**
   * GstIpCameraSrc:timeout:
   *
   * If the camera sends no frame for this time (ns), also at the start, the element connects to it
   * again. For a slow camera, set this time to several frame periods.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_TIMEOUT,
      g_param_spec_uint64 ("timeout", "Timeout",
          "Time (ns) without a frame after which the camera is connected to again",
          100 * GST_MSECOND, GST_CAMERA_LONGEST_TIME, DEFAULT_TIMEOUT, FLAGS));
  /**
   * GstIpCameraSrc:clock-tolerance:
   *
   * Largest difference (ns) between the camera's clock and this machine's at which the camera's
   * clock is used. The difference includes the time that a frame takes to arrive. 0: the camera's
   * clock isn't used.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CLOCK_TOLERANCE,
      g_param_spec_uint64 ("clock-tolerance", "Clock tolerance",
          "Largest difference (ns) from the own clock with which the camera's clock is used; 0: it "
          "isn't",
          0, GST_CAMERA_LONGEST_TIME, DEFAULT_CLOCK_TOLERANCE, FLAGS));
}

void
gst_camera_settings_install_properties (GObjectClass *klass)
{
  install_texts (klass);
  /**
   * GstIpCameraSrc:transport:
   *
   * How RTP packets are sent. The default, `tcp`, passes firewalls and NAT.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_TRANSPORT,
      g_param_spec_enum ("transport", "Transport", "How RTP packets are sent",
          GST_TYPE_CAMERA_TRANSPORT, DEFAULT_TRANSPORT, FLAGS));
  install_times (klass);
}
