/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes cascade files: the native engine must refuse each file with an error, or evaluate it. */
#include <glib.h>
#include <stdint.h>

#include "engine/haarengine.h"

#define SIDE 64

extern const HaarEngineClass haar_engine_native;

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const HaarParams params = {1.2, 3};
  g_autoptr (GBytes) bytes = g_bytes_new_static (data, size);
  g_autoptr (GError) error = NULL;
  HaarEngine *engine = haar_engine_native.create (bytes, &error);
  guint8 picture[SIDE * SIDE];
  GArray *boxes;

  if (!engine) {
    g_assert_true (error && error->message[0] != '\0');
    return 0;
  }
  for (gint i = 0; i < SIDE * SIDE; i++)
    picture[i] = (guint8) (i % SIDE < SIDE / 2 ? 200 - i / SIDE : i * 7);
  boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  g_assert_true (
      haar_engine_native.detect (engine, picture, SIDE, SIDE, SIDE, &params, boxes, &error));
  g_array_unref (boxes);
  haar_engine_native.free (engine);
  return 0;
}
