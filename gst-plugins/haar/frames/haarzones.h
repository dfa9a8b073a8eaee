/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"
#include "pictures/fogluma.h"

G_BEGIN_DECLS

/* Largest size (bytes) of a file of zones. */
#define HAAR_ZONES_MAX_FILE (1024 * 1024)

/* The largest numbers of cameras, zones, points of a polygon and bytes of a name that the JSON may
 * have. */
#define HAAR_ZONES_CAMERAS 1024
#define HAAR_ZONES_OF_CAMERA 32 /* largest number of zones, and also of masks, of one camera */
#define HAAR_ZONES_POINTS 64
#define HAAR_ZONES_NAME 64 /* bytes */

/* The zones and masks of all cameras, read from the JSON of the property `zones`. The object is
 * immutable and reference-counted. All functions may be called from any thread. */
typedef struct _HaarZones HaarZones;
/* The zones and masks of one camera. */
typedef struct _HaarCameraZones HaarCameraZones;

/**
 * haar_zones_parse:
 * @text: any bytes, with or without a NUL at the end
 * @size: the number of bytes of @text
 * @error: G_IO_ERROR_INVALID_DATA, with a message that says what is wrong in the text, and where
 *
 * Returns: (nullable) (transfer full): the zones
 */
HaarZones *haar_zones_parse (const gchar *text, gsize size, GError **error);
HaarZones *haar_zones_ref (HaarZones *zones);
void haar_zones_unref (HaarZones *zones);
guint haar_zones_count_cameras (const HaarZones *zones);
/* Returns the object's number, from 1 on, which no other HaarZones has. */
guint haar_zones_get_number (const HaarZones *zones);

/* Returns: (nullable) (transfer none): the zones and masks of @camera, or, if it has none, of the
 * camera "*". @zones, @camera: (nullable) */
const HaarCameraZones *haar_zones_find (const HaarZones *zones, const gchar *camera);

/* In the functions below, @zones is NULL for a camera without zones and masks. */
guint haar_camera_zones_count (const HaarCameraZones *zones);
const gchar *haar_camera_zones_get_name (const HaarCameraZones *zones, guint zone);
/* Returns TRUE if the middle of @rect lies in the zone with the number @zone. The picture has
 * @width x
 * @height pixels. */
gboolean haar_camera_zones_contains (
    const HaarCameraZones *zones, guint zone, const HaarRect *rect, gint width, gint height);
/* Returns TRUE if the middle of @rect lies in a zone, or the camera has no zones, and the middle
 * lies in no mask. */
gboolean haar_camera_zones_admits (
    const HaarCameraZones *zones, const HaarRect *rect, gint width, gint height);

/**
 * haar_camera_zones_limit:
 * @luma: (inout): the luma of the picture; if the camera has masks, becomes a copy without what
 *   they hide
 * @max_size: the size (px) of the largest object that is searched for; 0: the picture's size
 * @scratch: (inout): memory from g_malloc() that the caller owns, in which the copy of @luma is
 *   made
 * @area: (out): the area to search, which contains every object that haar_camera_zones_admits()
 *   accepts; it may be empty
 *
 * Returns: %FALSE if there is no memory for the copy
 */
gboolean haar_camera_zones_limit (
    const HaarCameraZones *zones, FogLuma *luma, gint max_size, guint8 **scratch, HaarRect *area);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HaarZones, haar_zones_unref)

G_END_DECLS
