/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livesize.h"

#include <string.h>

static guint
read16 (const guint8 *data)
{
  return (guint) data[0] << 8 | data[1];
}

/* Returns TRUE for the JPEG markers that begin a frame (SOF), which contains the size: 0xc0 to 0xcf
 * except 0xc4, 0xc8 and 0xcc. */
static gboolean
begins_frame (guint8 marker)
{
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* Returns TRUE for the JPEG markers that have no length and no contents. */
static gboolean
stands_alone (guint8 marker)
{
  return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

gboolean
live_jpeg_get_size (const guint8 *data, gsize size, gint *width, gint *height)
{
  gsize at = 2;

  if (size < 4 || data[0] != 0xff || data[1] != 0xd8)
    return FALSE;
  while (at + 9 <= size && data[at] == 0xff) {
    guint8 marker = data[at + 1];

    if (begins_frame (marker)) {
      *height = (gint) read16 (data + at + 5);
      *width = (gint) read16 (data + at + 7);
      return *width > 0 && *height > 0;
    }
    if (marker == 0xff)
      at++; /* a byte to fill */
    else if (stands_alone (marker))
      at += 2;
    else
      at += 2 + read16 (data + at + 2);
  }
  return FALSE;
}

/* Reads the size from the first chunk, because the header of a PNG is always its first chunk. */
gboolean
live_png_get_size (const guint8 *data, gsize size, gint *width, gint *height)
{
  static const guint8 begin[] = {
      0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};

  if (size < sizeof begin + 8 || memcmp (data, begin, sizeof begin) != 0)
    return FALSE;
  *width = (gint) (read16 (data + sizeof begin) << 16 | read16 (data + sizeof begin + 2));
  *height = (gint) (read16 (data + sizeof begin + 4) << 16 | read16 (data + sizeof begin + 6));
  return *width > 0 && *height > 0;
}
