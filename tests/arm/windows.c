/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints every rectangle that a kernel of the native engine, or OpenCV, finds in pictures, as text,
 * so that a diff shows differences between processors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haarcut.h"
#include "engine/haarengine.h"
#include "engine/native/haarkernel.h"

static gchar *kernel = "plain";
static gint repeat = 1, stages;
static gchar **cascades;

static const GOptionEntry options[] = {
    {"kernel", 'k', 0, G_OPTION_ARG_STRING, &kernel, "plain, neon, ..., or opencv", "NAME"},
    {"repeat", 'r', 0, G_OPTION_ARG_INT, &repeat, "Number of searches of each picture (1)", "N"},
    {"stages", 's', 0, G_OPTION_ARG_INT, &stages,
        "Number of the cascade's stages to evaluate (0: all)", "N"},
    {"cascade", 'c', 0, G_OPTION_ARG_FILENAME_ARRAY, &cascades, "Cascade file", "PATH"},
    {NULL},
};

static void
give_up (const gchar *what, GError *error)
{
  g_printerr ("%s: %s\n", what,
      error ? error->message : "the processor doesn't have the kernel's instruction set");
  exit (2);
}

static const HaarEngineClass *
choose_engine (void)
{
  const HaarEngineClass *klass =
      haar_engine_class_find (g_str_equal (kernel, "opencv") ? "opencv" : "native");

  if (!klass || (!g_str_equal (kernel, "opencv") && !haar_kernel_find (kernel)))
    give_up (kernel, NULL);
  g_setenv ("GST_FOG_HAAR_KERNEL", kernel, TRUE);
  return klass;
}

/* A file named WIDTHxHEIGHT.gray holds one byte a pixel, with rows padded to four bytes. */
static void
search (const HaarEngineClass *klass, HaarEngine *engine, const gchar *path, gint neighbors)
{
  const HaarParams params = {1.1, neighbors, 0, 0, 0, 0};
  g_autofree gchar *name = g_path_get_basename (path), *pixels = NULL;
  g_autoptr (GArray) boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  gint width, height;
  gsize length, stride;
  GError *error = NULL;

  if (!g_file_get_contents (path, &pixels, &length, &error))
    give_up (path, error);
  if (sscanf (name, "%dx%d.gray", &width, &height) != 2 || width < 1 || height < 1)
    give_up (path, NULL);
  stride = ((gsize) width + 3) / 4 * 4;
  if (length != stride * (gsize) height)
    give_up (path, NULL);
  for (gint i = 0; i < repeat; i++) {
    g_array_set_size (boxes, 0);
    if (!klass->detect (
            engine, (const guint8 *) pixels, width, height, stride, &params, boxes, &error))
      give_up (path, error);
  }
  printf ("  %s, %d neighbors, %u:", name, neighbors, boxes->len);
  for (guint i = 0; i < boxes->len; i++) {
    const HaarRect *r = &g_array_index (boxes, HaarBox, i).rect;

    printf (" %d,%d,%d,%d", r->x, r->y, r->w, r->h);
  }
  printf ("\n");
}

static GBytes *
load_cascade (const gchar *path)
{
  GError *error = NULL;
  GBytes *bytes, *shorter;
  gchar *text;
  gsize length;

  if (!g_file_get_contents (path, &text, &length, &error))
    give_up (path, error);
  bytes = g_bytes_new_take (text, length);
  if (stages == 0)
    return bytes;
  shorter = haar_cut_stages (bytes, (guint) stages);
  g_bytes_unref (bytes);
  return shorter;
}

static void
search_all (const HaarEngineClass *klass, const gchar *cascade, gchar **pictures)
{
  g_autofree gchar *name = g_path_get_basename (cascade);
  g_autoptr (GBytes) bytes = load_cascade (cascade);
  GError *error = NULL;
  HaarEngine *engine = klass->create (bytes, &error);

  if (!engine)
    give_up (cascade, error);
  printf ("%s\n", name);
  for (guint i = 0; pictures[i]; i++) {
    search (klass, engine, pictures[i], 0);
    search (klass, engine, pictures[i], 3);
  }
  klass->free (engine);
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new ("PICTURE...");
  const HaarEngineClass *klass;
  GError *error = NULL;

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || !cascades)
    give_up ("options", error);
  g_option_context_free (context);
  klass = choose_engine ();
  for (guint i = 0; cascades[i]; i++)
    search_all (klass, cascades[i], argv + 1);
  return 0;
}
