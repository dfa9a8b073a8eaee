/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haartools.h"

#include <gio/gio.h>
#include <string.h>

#include "engine/haarload.h"

/* Returns FALSE if the engine may not load the cascade: OpenCV doesn't ship it, and trust-cascade
 * is off. OpenCV's loader can crash on a damaged file, so it loads only known or trusted files. */
static gboolean
may_load (
    const HaarEquipment *equipment, const HaarEngineClass *klass, GBytes *cascade, GError **error)
{
  if (klass->checks_cascade || equipment->trusted || haar_cascade_is_known (cascade))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
      "\"%s\" isn't one of the cascades that OpenCV ships, and a damaged one can crash the engine "
      "%s. Set trust-cascade=true if you know where it comes from.",
      equipment->cascade, klass->name);
  return FALSE;
}

static HaarTool *
tool_new (const HaarEngineClass *klass, GBytes *cascade, HaarStill *still, HaarLooks *looks,
    GError **error)
{
  HaarEngine *engine = klass->create (cascade, error);
  HaarTool *tool;

  if (!engine)
    return NULL;
  tool = g_new (HaarTool, 1);
  tool->klass = klass;
  tool->engine = engine;
  tool->scratch = tool->unmasked = NULL;
  tool->still = haar_still_ref (still);
  tool->looks = haar_looks_ref (looks);
  tool->idle_since = 0;
  tool->in_row = 0;
  return tool;
}

void
haar_tool_free (HaarTool *tool)
{
  if (tool->klass)
    tool->klass->free (tool->engine);
  g_free (tool->scratch);
  g_free (tool->unmasked);
  g_clear_pointer (&tool->still, haar_still_unref);
  g_clear_pointer (&tool->looks, haar_looks_unref);
  g_free (tool);
}

static GPtrArray *
make_tools (const HaarEngineClass *klass, GBytes *cascade, guint n, GError **error)
{
  HaarStill *still = haar_still_new ();
  HaarLooks *looks = haar_looks_new ();
  GPtrArray *tools = g_ptr_array_new ();

  for (guint i = 0; i < n; i++) {
    HaarTool *tool = tool_new (klass, cascade, still, looks, error);

    if (!tool) {
      g_ptr_array_foreach (tools, (GFunc) haar_tool_free, NULL);
      g_clear_pointer (&tools, g_ptr_array_unref);
      break;
    }
    g_ptr_array_add (tools, tool);
  }
  haar_still_unref (still);
  haar_looks_unref (looks);
  return tools;
}

/* Returns: (nullable) (transfer full): the type of features that the cascade's file names, such as
 * HAAR, LBP or HOG. */
static gchar *
find_features (GBytes *cascade)
{
  static const gchar tag[] = "<featureType>";
  gsize size;
  const gchar *text = g_bytes_get_data (cascade, &size);
  const gchar *start = text ? g_strstr_len (text, (gssize) size, tag) : NULL, *end;

  if (!start)
    return NULL;
  start += strlen (tag);
  end = memchr (start, '<', size - (gsize) (start - text));
  if (!end || end - start > 40 || !g_utf8_validate (start, end - start, NULL))
    return NULL;
  return g_strstrip (g_strndup (start, (gsize) (end - start)));
}

/* Returns TRUE if no engine can evaluate the features that the cascade uses. */
static gboolean
has_strange_features (const HaarEquipment *equipment, GBytes *cascade, GError **error)
{
  g_autofree gchar *features = find_features (cascade);

  if (!features || g_str_equal (features, "HAAR") || g_str_equal (features, "LBP"))
    return FALSE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
      "\"%s\" has features of the type %s, which no engine evaluates%s. Use a cascade of the type "
      "HAAR or LBP.",
      equipment->cascade, features,
      g_str_equal (features, "HOG") ? ", nor does OpenCV since version 4" : "");
  return TRUE;
}

/* Converts an engine's error, which doesn't name the cascade's file, into an error that does. */
static void
explain (const HaarEquipment *equipment, const gchar *engine, const GError *why, GError **error)
{
  if (why->domain != G_IO_ERROR)
    g_propagate_error (error, g_error_copy (why));
  else if (why->code == G_IO_ERROR_NO_SPACE)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
        "\"%s\" can't be loaded for %u workers: %s. Give the process more memory, or fewer "
        "workers.",
        equipment->cascade, equipment->n_workers, why->message);
  else
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
        "\"%s\" can't be used as a cascade by the engine %s: %s.", equipment->cascade, engine,
        why->message);
}

static GPtrArray *
choose_engine (const HaarEquipment *equipment, const gchar **engine, GError **error)
{
  gboolean any = g_str_equal (equipment->engine, "auto");
  g_autoptr (GBytes) cascade = haar_cascade_load (equipment->cascade, error);
  g_autoptr (GError) why = NULL;
  const HaarEngineClass *klass = cascade ? haar_engine_class_find (equipment->engine) : NULL;
  GPtrArray *tools = NULL;

  for (guint i = 1; klass && !tools; klass = any ? haar_engine_class_nth (i++) : NULL) {
    g_clear_error (&why);
    *engine = klass->name;
    if (may_load (equipment, klass, cascade, &why))
      tools = make_tools (klass, cascade, equipment->n_workers, &why);
    if (why)
      g_string_append_printf (equipment->refused, "%s: %s; ", klass->name, why->message);
    /* A file that isn't a cascade can't be read by the next engine either, and if there is too
     * little memory for one engine, the next one needs even more. */
    if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_INVALID_DATA) ||
        g_error_matches (why, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
      break;
  }
  if (!tools && cascade && has_strange_features (equipment, cascade, error))
    return NULL;
  if (!tools && why)
    explain (equipment, *engine, why, error);
  else if (!tools && cascade)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "This plugin was built without the engine %s.", equipment->engine);
  return tools;
}

/* A single tool is enough to count the regions that another element found, whatever the property
 * `workers` says, because that element limits the rate of frames. */
static GPtrArray *
make_counting_tool (void)
{
  GPtrArray *tools = g_ptr_array_new ();

  g_ptr_array_add (tools, g_new0 (HaarTool, 1));
  return tools;
}

GPtrArray *
haar_tools_new (const HaarEquipment *equipment, const gchar **engine, GError **error)
{
  if (!g_str_equal (equipment->engine, "none"))
    return choose_engine (equipment, engine, error);
  *engine = "none";
  return make_counting_tool ();
}
