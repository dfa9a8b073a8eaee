/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the same events from memory to the same server, by mongosink or by a bare loop of
 * libmongoc's bulk inserts; prints the wall-clock and CPU seconds. Run by tests/bench/mongo. */
#include <gst/check/gstharness.h>
#include <mongoc/mongoc.h>
#include <stdlib.h>
#include <string.h>

#include "cputime.h"

#define BATCH 500
#define DATABASE "bench"

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

int
main (int argc, char **argv)
{
  void (*run) (GPtrArray *, const gchar *);
  GPtrArray *events;
  gint64 start;
  gdouble cpu, wall;

  gst_init (&argc, &argv);
  if (argc < 4 || !g_getenv ("MONGODB_URI")) {
    g_printerr ("usage: MONGODB_URI=… bench-mongo bare|sink DOCUMENTS COLLECTION\n");
    return 2;
  }
  mongoc_init ();
  run = strcmp (argv[1], "sink") == 0 ? run_sink : run_bare;
  events = make_events ((guint) atoi (argv[2]));
  start = g_get_monotonic_time ();
  cpu = cpu_now ();
  run (events, argv[3]);
  wall = (gdouble) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  g_print ("%f %f\n", wall, cpu_now () - cpu);
  g_ptr_array_unref (events);
  return 0;
}
