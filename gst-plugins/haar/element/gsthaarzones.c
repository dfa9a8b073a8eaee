/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarzones.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "gsthaarpads.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* time (us) between two checks whether zones-file has changed */
#define CHECK_INTERVAL G_TIME_SPAN_SECOND
/* Number of failed checks of zones-file in a row that cause a warning; one isn't enough, because a
 * file that is being replaced may be missing for a moment. */
#define MISSES 2
#define MAX_FILE (1024 * 1024) /* bytes */

void
gst_haar_zones_init (GstHaarZones *self, GstElement *element, const GstHaarSettings *settings)
{
  self->element = element;
  self->settings = settings;
}

void
gst_haar_zones_clear (GstHaarZones *self)
{
  g_clear_pointer (&self->current, haar_zones_unref);
  g_clear_pointer (&self->file, g_free);
}

/* --- the file --- */

static gboolean
fail_to_read (const gchar *file, gint number, const gchar *why, GError **error)
{
  gint code = number == ENOENT ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ;

  g_set_error (error, GST_RESOURCE_ERROR, code, "The zones-file \"%s\" can't be read: %s.", file,
      why ? why : g_strerror (number));
  return FALSE;
}

static gboolean
look_at (const gchar *file, gint64 stamp[3], GError **error)
{
  GStatBuf found;

  if (g_stat (file, &found) != 0)
    return fail_to_read (file, errno, NULL, error);
  if (!S_ISREG (found.st_mode))
    return fail_to_read (file, 0, "it isn't a regular file", error);
  if (found.st_size > MAX_FILE)
    return fail_to_read (file, 0, "the file is larger than 1 MiB", error);
  stamp[0] = (gint64) found.st_mtim.tv_sec * G_USEC_PER_SEC * 1000 + found.st_mtim.tv_nsec;
  stamp[1] = (gint64) found.st_size;
  stamp[2] = (gint64) found.st_ino;
  return TRUE;
}

/* --- the zones --- */

/* @source: the name of the property or file that the text comes from, for an error */
static HaarZones *
parse (const gchar *text, gsize size, const gchar *source, GError **error)
{
  g_autoptr (GError) why = NULL;
  HaarZones *zones = haar_zones_parse (text, size, &why);

  if (!zones)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "%s can't be used: %s. gst-plugins/README.md, \"Messages\", describes zones.", source,
        why->message);
  return zones;
}

static HaarZones *
read_file (GstHaarZones *self, GError **error)
{
  g_autofree gchar *text = NULL, *source = g_strdup_printf ("The zones-file \"%s\"", self->file);
  g_autoptr (GError) why = NULL;
  gsize size;

  self->misses = MISSES; /* the caller posts the error of a missing file, so later checks don't */
  if (!look_at (self->file, self->stamp, error))
    return NULL;
  self->misses = 0;
  if (!g_file_get_contents (self->file, &text, &size, &why)) {
    fail_to_read (self->file, 0, why->message, error);
    return NULL;
  }
  return parse (text, size, source, error);
}

/* @zones: (transfer full) (nullable) */
static void
replace (GstHaarZones *self, HaarZones *zones)
{
  g_clear_pointer (&self->current, haar_zones_unref);
  self->current = zones;
  if (zones)
    GST_INFO_OBJECT (
        self->element, "zones and masks for %u cameras", haar_zones_count_cameras (zones));
  else
    GST_INFO_OBJECT (self->element, "no zones");
}

/* Applies the properties `zones` and `zones-file`. Returns FALSE if a value is invalid, and leaves
 * the zones unchanged. */
static gboolean
apply (GstHaarZones *self, GError **error)
{
  g_autofree gchar *text = NULL;
  HaarZones *zones = NULL;

  g_clear_pointer (&self->file, g_free);
  GST_OBJECT_LOCK (self->element);
  text = g_strdup (self->settings->zones);
  self->file = g_strdup (self->settings->zones_file);
  self->serial = self->settings->zones_serial;
  GST_OBJECT_UNLOCK (self->element);
  if (text && self->file) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "Both zones and zones-file are set: unset one of them.");
    g_clear_pointer (&self->file, g_free);
    return FALSE;
  }
  if (text)
    zones = parse (text, strlen (text), "The property zones", error);
  else if (self->file)
    zones = read_file (self, error);
  if (!zones && (text || self->file))
    return FALSE;
  replace (self, zones);
  return TRUE;
}

gboolean
gst_haar_zones_begin (GstHaarZones *self)
{
  g_autoptr (GError) error = NULL;

  replace (self, NULL);
  self->checked = g_get_monotonic_time ();
  if (apply (self, &error))
    return TRUE;
  gst_haar_zones_clear (self);
  gst_element_message_full (self->element, GST_MESSAGE_ERROR, error->domain, error->code,
      g_strdup (error->message), NULL, __FILE__, GST_FUNCTION, __LINE__);
  return FALSE;
}

static gboolean
are_other_settings (GstHaarZones *self)
{
  gboolean other;

  GST_OBJECT_LOCK (self->element);
  other = self->serial != self->settings->zones_serial;
  GST_OBJECT_UNLOCK (self->element);
  return other;
}

/* Returns TRUE if zones-file has changed. A missing file counts as unchanged, because it may be
 * about to be replaced, but @error is set when MISSES checks in a row have failed. */
static gboolean
has_file_changed (GstHaarZones *self, GError **error)
{
  gint64 now = g_get_monotonic_time (), stamp[3];
  g_autoptr (GError) why = NULL;

  if (!self->file || now < self->checked + CHECK_INTERVAL)
    return FALSE;
  self->checked = now;
  if (look_at (self->file, stamp, &why)) {
    self->misses = 0;
    return memcmp (stamp, self->stamp, sizeof stamp) != 0;
  }
  GST_DEBUG_OBJECT (self->element, "%s", why->message);
  if (self->misses < MISSES && ++self->misses == MISSES)
    g_propagate_error (error, g_steal_pointer (&why));
  return FALSE;
}

static gboolean
apply_file (GstHaarZones *self, GError **error)
{
  HaarZones *zones = read_file (self, error);

  if (zones)
    replace (self, zones);
  return zones != NULL;
}

HaarZones *
gst_haar_zones_get (GstHaarZones *self)
{
  g_autoptr (GError) error = NULL;

  if (are_other_settings (self))
    apply (self, &error);
  else if (has_file_changed (self, &error))
    apply_file (self, &error);
  if (error)
    gst_element_message_full (self->element, GST_MESSAGE_WARNING, error->domain, error->code,
        g_strdup_printf ("%s The previous zones still hold.", error->message), NULL, __FILE__,
        GST_FUNCTION, __LINE__);
  return self->current ? haar_zones_ref (self->current) : NULL;
}
