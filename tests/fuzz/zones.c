/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the JSON of the property zones, and applies zones that were read to a frame. */
#include "frames/haarzones.h"
#include "fuzz.h"

#define SIDE 32

static void
use (const HaarCameraZones *zones)
{
  guint8 picture[SIDE * SIDE] = {0}, *scratch = NULL;
  FogLuma luma = {0};
  HaarRect area, rect = {1, 1, 9, 9};

  luma.data = picture;
  luma.width = luma.height = luma.stride = SIDE;
  for (guint i = 0; i < haar_camera_zones_count (zones); i++) {
    g_assert_nonnull (haar_camera_zones_get_name (zones, i));
    haar_camera_zones_contains (zones, i, &rect, SIDE, SIDE);
  }
  haar_camera_zones_admits (zones, &rect, SIDE, SIDE);
  if (haar_camera_zones_limit (zones, &luma, 0, &scratch, &area))
    g_assert_true (
        area.x >= 0 && area.y >= 0 && area.x + area.w <= SIDE && area.y + area.h <= SIDE);
  g_free (scratch);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HaarZones) zones = haar_zones_parse ((const gchar *) data, size, &error);

  g_assert_true ((zones != NULL) != (error != NULL));
  if (zones)
    use (haar_zones_find (zones, "cam-1"));
  return 0;
}
