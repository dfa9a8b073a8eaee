/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generic tests, which every element of every plugin in this build has to pass. */
#include <gst/check/gstcheck.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY_LISTENS "127.0.0.1:1"

typedef void (*ElementTest) (GstElementFactory *factory);

static gboolean
is_ours (GstPlugin *plugin)
{
  g_auto (GStrv) paths = g_strsplit (g_getenv ("GST_PLUGIN_PATH_1_0"), ":", -1);
  g_autofree gchar *dir = NULL;

  if (gst_plugin_get_filename (plugin) == NULL)
    return FALSE;
  dir = g_path_get_dirname (gst_plugin_get_filename (plugin));
  return g_strv_contains ((const gchar *const *) paths, dir);
}

static GList *
our_plugins (void)
{
  GList *all = gst_registry_get_plugin_list (gst_registry_get ()), *ours = NULL;

  for (GList *l = all; l; l = l->next) {
    if (is_ours (l->data))
      ours = g_list_prepend (ours, gst_object_ref (l->data));
  }
  gst_plugin_list_free (all);
  return ours;
}

static void
for_each_element (ElementTest test)
{
  GList *plugins = our_plugins ();
  guint tested = 0;

  for (GList *p = plugins; p; p = p->next) {
    GList *features = gst_registry_get_feature_list_by_plugin (
        gst_registry_get (), gst_plugin_get_name (p->data));

    for (GList *f = features; f; f = f->next) {
      if (!GST_IS_ELEMENT_FACTORY (f->data))
        continue;
      GST_INFO ("testing %s", GST_OBJECT_NAME (f->data));
      test (f->data);
      tested++;
    }
    gst_plugin_feature_list_free (features);
  }
  gst_plugin_list_free (plugins);
  fail_unless (tested > 0, "no element of this build was found");
}

/* Gives the element settings with which it can start, although no server listens at these
 * addresses. */
static void
configure (GstElement *element)
{
  static const gchar *const settings[][2] = {
      {"bootstrap-servers", NOBODY_LISTENS},
      {"topic", "nothing"},
      {"uri", "mongodb://" NOBODY_LISTENS},
      {"database", "nothing"},
      {"collection", "nothing"},
  };
  GObjectClass *klass = G_OBJECT_GET_CLASS (element);

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++) {
    GParamSpec *pspec = g_object_class_find_property (klass, settings[i][0]);

    if (pspec && pspec->value_type == G_TYPE_STRING && (pspec->flags & G_PARAM_WRITABLE))
      g_object_set (element, settings[i][0], settings[i][1], NULL);
  }
  if (g_object_class_find_property (klass, "password-file"))
    g_object_set (element, "uri", "rtsp://" NOBODY_LISTENS, NULL);
}

static void
check_stats (GstElement *element, const gchar *when)
{
  GstStructure *stats = NULL;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (stats != NULL && gst_structure_n_fields (stats) > 0, "%s has no stats %s",
      GST_OBJECT_NAME (element), when);
  gst_structure_free (stats);
}

static gboolean
posted_error (GstBus *bus)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message == NULL)
    return FALSE;
  gst_message_unref (message);
  return TRUE;
}

/* Changes the element's state. Elements promise to take less than 5 s, and on a busy machine this
 * check allows 9 s. Returns FALSE if the element refused the change and posted an error. */
static gboolean
change_state (GstElement *element, GstBus *bus, GstState state)
{
  gint64 began = g_get_monotonic_time ();
  GstStateChangeReturn ret = gst_element_set_state (element, state);

  fail_unless (g_get_monotonic_time () - began < 9 * G_USEC_PER_SEC, "%s took over 9 s to %s",
      GST_OBJECT_NAME (element), gst_element_state_get_name (state));
  check_stats (element, gst_element_state_get_name (state));
  if (ret != GST_STATE_CHANGE_FAILURE)
    return TRUE;
  fail_unless (posted_error (bus), "%s failed to go to %s without an error message",
      GST_OBJECT_NAME (element), gst_element_state_get_name (state));
  return FALSE;
}

static void
walk_states (GstElementFactory *factory, gboolean configured)
{
  static const GstState walk[] = {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_READY,
      GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_READY,
      GST_STATE_NULL, GST_STATE_PLAYING, GST_STATE_NULL};
  GstElement *element = gst_element_factory_create (factory, NULL);
  GstBus *bus = gst_bus_new ();

  fail_unless (element != NULL, "%s can't be made", GST_OBJECT_NAME (factory));
  gst_element_set_bus (element, bus);
  check_stats (element, "before it ever started");
  if (configured)
    configure (element);
  for (guint i = 0; i < G_N_ELEMENTS (walk); i++) {
    if (!change_state (element, bus, walk[i]))
      break;
  }
  fail_unless_equals_int (
      gst_element_set_state (element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  ASSERT_OBJECT_REFCOUNT (element, "element after every state", 1);
  gst_object_unref (element);
}

static void
walk_states_with_and_without_settings (GstElementFactory *factory)
{
  walk_states (factory, FALSE);
  walk_states (factory, TRUE);
}

GST_START_TEST (test_every_state_change)
{
  for_each_element (walk_states_with_and_without_settings);
}
GST_END_TEST;

static void
check_enum (GParamSpec *pspec)
{
  GEnumClass *klass = g_type_class_ref (pspec->value_type);

  for (guint i = 0; i < klass->n_values; i++) {
    const gchar *nick = klass->values[i].value_nick;

    fail_unless (strspn (nick, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen (nick),
        "%s: nick \"%s\" of %s", g_type_name (pspec->owner_type), nick, pspec->name);
  }
  g_type_class_unref (klass);
}

/* Returns whether the element's own class, and not GStreamer's base class, has installed the
 * property. */
static gboolean
is_own_property (GParamSpec *pspec, GstElementFactory *factory)
{
  return pspec->owner_type == gst_element_factory_get_element_type (factory);
}

static void
check_property (GstElement *element, GParamSpec *pspec)
{
  const gchar *blurb = g_param_spec_get_blurb (pspec), *owner = g_type_name (pspec->owner_type);
  g_auto (GValue) value = G_VALUE_INIT;

  fail_unless (blurb && strlen (blurb) > 10, "%s: %s has no useful blurb", owner, pspec->name);
  fail_unless (pspec->flags & G_PARAM_STATIC_BLURB, "%s: the blurb of %s is not a static string",
      owner, pspec->name);
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    check_enum (pspec);
  g_value_init (&value, pspec->value_type);
  if (pspec->flags & G_PARAM_READABLE)
    g_object_get_property (G_OBJECT (element), pspec->name, &value);
  if ((pspec->flags & G_PARAM_WRITABLE) && (pspec->flags & G_PARAM_READABLE))
    g_object_set_property (G_OBJECT (element), pspec->name, &value);
}

static void
check_properties (GstElementFactory *factory)
{
  GstElement *element = gst_element_factory_create (factory, NULL);
  GParamSpec *stats = g_object_class_find_property (G_OBJECT_GET_CLASS (element), "stats");
  guint n;
  g_autofree GParamSpec **pspecs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

  fail_unless (stats && stats->value_type == GST_TYPE_STRUCTURE, "%s has no stats structure",
      GST_OBJECT_NAME (factory));
  fail_if (stats->flags & G_PARAM_WRITABLE);
  for (guint i = 0; i < n; i++) {
    if (is_own_property (pspecs[i], factory))
      check_property (element, pspecs[i]);
  }
  gst_object_unref (element);
}

GST_START_TEST (test_every_property)
{
  for_each_element (check_properties);
}
GST_END_TEST;

static void
check_metadata (GstElementFactory *factory)
{
  static const gchar *const keys[] = {GST_ELEMENT_METADATA_LONGNAME, GST_ELEMENT_METADATA_KLASS,
      GST_ELEMENT_METADATA_DESCRIPTION, GST_ELEMENT_METADATA_AUTHOR};

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    const gchar *text = gst_element_factory_get_metadata (factory, keys[i]);

    fail_unless (text && *text, "%s says no %s", GST_OBJECT_NAME (factory), keys[i]);
  }
  /* a bin that only groups elements gets its pads from these elements, so it has no pad template */
  fail_unless (gst_element_factory_get_static_pad_templates (factory) != NULL ||
                   g_str_equal (gst_element_factory_get_metadata (factory, keys[1]), "Generic/Bin"),
      "%s has no pad template", GST_OBJECT_NAME (factory));
}

GST_START_TEST (test_every_description)
{
  for_each_element (check_metadata);
}
GST_END_TEST;

/* --- several threads request and release pads --- */

#define RACES 300

typedef struct {
  GstElement *element;
  GstPadTemplate *template;
  gint got; /* atomic */
} Race;

static gpointer
request_and_release (gpointer data)
{
  Race *race = data;

  while (g_atomic_int_get (&race->got) < RACES) {
    /* The pad is requested without a name, because GStreamer prints a critical if a pad of that
     * name exists. */
    GstPad *pad = gst_element_request_pad (race->element, race->template, NULL, NULL);

    if (!pad)
      continue;
    fail_unless (GST_OBJECT_PARENT (pad) == GST_OBJECT (race->element));
    g_atomic_int_inc (&race->got);
    gst_element_release_request_pad (race->element, pad);
    fail_unless (GST_OBJECT_PARENT (pad) == NULL);
    gst_object_unref (pad);
  }
  return NULL;
}

static void
race_for_pad (GstElement *element, GstPadTemplate *template)
{
  Race race = {element, template, 0};
  GThread *threads[3];
  GstPad *pad;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("race", request_and_release, &race);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  pad = gst_element_request_pad (element, template, NULL, NULL);
  fail_unless (pad != NULL && GST_PAD_IS_ACTIVE (pad) == (GST_STATE (element) > GST_STATE_READY));
  fail_unless (gst_element_request_pad (element, template, NULL, NULL) == NULL);
  gst_element_release_request_pad (element, pad);
  gst_object_unref (pad);
}

static void
race_for_pads (GstElementFactory *factory)
{
  GstElement *element = gst_element_factory_create (factory, NULL);
  const GList *templates =
      gst_element_class_get_pad_template_list (GST_ELEMENT_GET_CLASS (element));

  gst_object_ref_sink (element);
  configure (element);
  for (GstState state = GST_STATE_NULL; state <= GST_STATE_PAUSED; state++) {
    if (gst_element_set_state (element, state) == GST_STATE_CHANGE_FAILURE)
      break;
    for (const GList *t = templates; t; t = t->next)
      if (GST_PAD_TEMPLATE_PRESENCE (GST_PAD_TEMPLATE (t->data)) == GST_PAD_REQUEST)
        race_for_pad (element, t->data);
  }
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

/* While three threads request and release the same pad, no thread gets a pad that another one has,
 * or that was released. */
GST_START_TEST (test_threads_may_request_and_release_a_pad_at_the_same_time)
{
  for_each_element (race_for_pads);
}
GST_END_TEST;

static void
make_one (GstElementFactory *factory)
{
  gst_object_unref (gst_element_factory_create (factory, NULL));
}

/* Loads the plugins in a process of its own, because a type is registered only once in a process.
 * Returns whether all of them load. */
static gboolean
loads_in_order (GPtrArray *files)
{
  pid_t child = fork ();
  gint status;

  if (child == 0) {
    g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    for (guint i = 0; i < files->len; i++) {
      GstPlugin *plugin = gst_plugin_load_file (files->pdata[i], NULL);

      if (plugin == NULL)
        _exit (1);
      gst_object_unref (plugin);
    }
    for_each_element (make_one);
    _exit (0);
  }
  fail_unless (waitpid (child, &status, 0) == child);
  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

/* Checks that the plugins load in the order of @files or backwards, beginning with number
 * @first. */
static void
try_first (GPtrArray *files, guint first, gboolean backwards)
{
  g_autoptr (GPtrArray) order = g_ptr_array_new ();

  for (guint i = 0; i < files->len; i++) {
    guint at = backwards ? first + files->len - i : first + i;

    g_ptr_array_add (order, files->pdata[at % files->len]);
  }
  fail_unless (loads_in_order (order), "%u plugins don't load with %s first", files->len,
      (const gchar *) files->pdata[first]);
}

/* Loads each pair of plugins in both orders, and each plugin before all others, so that each shared
 * type is registered first by every plugin. */
GST_START_TEST (test_plugins_load_in_any_order)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  GList *plugins = our_plugins ();

  for (GList *p = plugins; p; p = p->next)
    g_ptr_array_add (files, g_strdup (gst_plugin_get_filename (p->data)));
  gst_plugin_list_free (plugins);
  fail_unless (files->len > 0);
  for (guint first = 0; first < files->len; first++) {
    try_first (files, first, FALSE);
    try_first (files, first, TRUE);
  }
}
GST_END_TEST;

static Suite *
generic_suite (void)
{
  Suite *suite = suite_create ("generic");
  TCase *tcase = tcase_create ("every element");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 120);
  tcase_add_test (tcase, test_every_state_change);
  tcase_add_test (tcase, test_every_property);
  tcase_add_test (tcase, test_every_description);
  tcase_add_test (tcase, test_threads_may_request_and_release_a_pad_at_the_same_time);
  tcase_add_test (tcase, test_plugins_load_in_any_order);
  return suite;
}

GST_CHECK_MAIN (generic);
