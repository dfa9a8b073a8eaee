/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"
#include "pictures/fogluma.h"

G_BEGIN_DECLS

/* The largest numbers of cameras, zones, points and bytes in the text. */
#define HAAR_ZONES_CAMERAS 1024
#define HAAR_ZONES_OF_CAMERA 32 /* largest number of zones of a camera, and of masks */
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
 * @size: their number
 * @error: G_IO_ERROR_INVALID_DATA: where something is wrong in the text, and what
 *
 * Returns: (nullable) (transfer full): the zones
 */
HaarZones *haar_zones_parse (const gchar *text, gsize size, GError **error);
HaarZones *haar_zones_ref (HaarZones *zones);
void haar_zones_unref (HaarZones *zones);
guint haar_zones_count_cameras (const HaarZones *zones);
/* Returns a number from 1, different for each HaarZones. */
guint haar_zones_get_number (const HaarZones *zones);

/* Returns: (nullable) (transfer none): the zones of @camera, else those of the camera "*". @zones,
 * @camera: (nullable) */
const HaarCameraZones *haar_zones_find (const HaarZones *zones, const gchar *camera);

/* For a camera without zones and masks the functions below take NULL. */
guint haar_camera_zones_count (const HaarCameraZones *zones);
const gchar *haar_camera_zones_get_name (const HaarCameraZones *zones, guint zone);
/* Returns TRUE if the middle of @rect lies in the zone with the number @zone. The picture has
 * @width x
 * @height pixels. */
gboolean haar_camera_zones_contains (
    const HaarCameraZones *zones, guint zone, const HaarRect *rect, gint width, gint height);
/* Returns TRUE if the middle of @rect lies in a zone, or there are no zones; and it lies in no
 * mask. */
gboolean haar_camera_zones_admits (
    const HaarCameraZones *zones, const HaarRect *rect, gint width, gint height);

/**
 * haar_camera_zones_limit:
 * @luma: (inout): of the picture; becomes a copy without what the masks hide, if there are any
 * @max_size: px: the largest object that is searched for; 0: as large as the picture
 * @scratch: (inout): the caller's memory, from g_malloc(); the copy is there
 * @area: (out): nothing that is admitted lies outside of it, not even in part; may be empty
 *
 * Returns: %FALSE if there is no memory
 */
gboolean haar_camera_zones_limit (
    const HaarCameraZones *zones, FogLuma *luma, gint max_size, guint8 **scratch, HaarRect *area);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HaarZones, haar_zones_unref)

G_END_DECLS
