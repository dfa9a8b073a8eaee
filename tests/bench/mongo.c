/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mongosink against a bare loop of libmongoc's bulk inserts: the same events, the same server.
 * usage: MONGODB_URI=mongodb://127.0.0.1:PORT bench-mongo [DOCUMENTS] [ROUNDS] */
#include <gst/check/gstharness.h>
#include <mongoc/mongoc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define BATCH 500
#define DATABASE "bench"

static gdouble
cpu_now (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static GPtrArray *
make_events (guint n)
{
  GPtrArray *events = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (events,
        g_strdup_printf ("{\"_id\":\"cam-1:9f2c41d0:%u\",\"camera\":\"cam-1\",\"seq\":%u,"
                         "\"captured\":{\"$date\":\"2026-11-25T00:44:00.123Z\"},\"faces\":2,"
                         "\"boxes\":[{\"x\":1,\"y\":2,\"w\":30,\"h\":40},"
                         "{\"x\":50,\"y\":60,\"w\":70,\"h\":80}],"
                         "\"width\":640,\"height\":480,\"replica\":\"fog-1\"}",
            i, i));
  return events;
}

static void
insert_batch (mongoc_collection_t *collection, GPtrArray *events, guint from, guint to)
{
  bson_t *unordered = BCON_NEW ("ordered", BCON_BOOL (false));
  mongoc_bulk_operation_t *bulk =
      mongoc_collection_create_bulk_operation_with_opts (collection, unordered);
  bson_error_t error;
  bson_t reply;

  for (guint i = from; i < to; i++) {
    bson_t *document = bson_new_from_json (g_ptr_array_index (events, i), -1, &error);

    mongoc_bulk_operation_insert (bulk, document);
    bson_destroy (document);
  }
  if (!mongoc_bulk_operation_execute (bulk, &reply, &error))
    g_error ("bare loop: %s", error.message);
  bson_destroy (&reply);
  mongoc_bulk_operation_destroy (bulk);
  bson_destroy (unordered);
}

static void
run_bare (GPtrArray *events, const gchar *name)
{
  mongoc_client_t *client = mongoc_client_new (g_getenv ("MONGODB_URI"));
  mongoc_collection_t *collection = mongoc_client_get_collection (client, DATABASE, name);

  for (guint i = 0; i < events->len; i += BATCH)
    insert_batch (collection, events, i, MIN (i + BATCH, events->len));
  mongoc_collection_destroy (collection);
  mongoc_client_destroy (client);
}

static void
run_sink (GPtrArray *events, const gchar *name)
{
  g_autofree gchar *line = g_strdup_printf (
      "mongosink name=sink database=" DATABASE " batch-size=%d collection=%s", BATCH, name);
  GstHarness *h = gst_harness_new_parse (line);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;

  gst_element_set_bus (h->element, bus);
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, "application/json");
  for (guint i = 0; i < events->len; i++) {
    gchar *text = g_ptr_array_index (events, i);

    gst_harness_push (h, gst_buffer_new_wrapped_full (GST_MEMORY_FLAG_READONLY, text, strlen (text),
                             0, strlen (text), NULL, NULL));
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_EOS);
  if (!message)
    g_error ("mongosink didn't store everything");
  gst_message_unref (message);
  gst_element_set_state (h->element, GST_STATE_NULL);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  gst_object_unref (bus);
}

/* The seconds it took. */
static gdouble
measure (
    void (*run) (GPtrArray *, const gchar *), GPtrArray *events, const gchar *kind, guint round)
{
  g_autofree gchar *name =
      g_strdup_printf ("%s%u-%" G_GINT64_FORMAT, kind, round, g_get_real_time ());
  gint64 start = g_get_monotonic_time ();
  gdouble cpu = cpu_now ();
  gdouble wall;

  run (events, name);
  wall = (g_get_monotonic_time () - start) / 1e6;
  g_print ("%-5s %8.0f documents/s %6.2f us CPU each\n", kind, events->len / wall,
      (cpu_now () - cpu) / events->len * 1e6);
  return wall;
}

int
main (int argc, char **argv)
{
  guint n = argc > 1 ? atoi (argv[1]) : 40000, rounds = argc > 2 ? atoi (argv[2]) : 3;
  gdouble bare = G_MAXDOUBLE, sink = G_MAXDOUBLE;
  GPtrArray *events;

  if (!g_getenv ("MONGODB_URI")) {
    g_printerr ("Set MONGODB_URI to a server that may be filled.\n");
    return 2;
  }
  gst_init (&argc, &argv);
  mongoc_init ();
  events = make_events (n);
  for (guint i = 0; i < rounds; i++) {
    gdouble bare_now = measure (run_bare, events, "bare", i);
    gdouble sink_now = measure (run_sink, events, "sink", i);

    bare = MIN (bare, bare_now);
    sink = MIN (sink, sink_now);
  }
  g_print ("best of %u: mongosink reaches %.2f of the bare loop's rate\n", rounds, bare / sink);
  g_ptr_array_unref (events);
  return 0;
}
