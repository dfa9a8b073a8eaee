/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongofixture.h"

#include <gst/check/gstcheck.h>
#include <string.h>

#include "gstkafkameta.h"

static void
on_ack (gpointer data, gint64 offset, GstKafkaAckOutcome outcome)
{
  Ledger *ledger = data;

  g_atomic_int_inc (outcome == GST_KAFKA_ACK_DONE     ? &ledger->done
                    : outcome == GST_KAFKA_ACK_FAILED ? &ledger->failed
                                                      : &ledger->undecided);
}

GstBuffer *
new_message (const gchar *text, Ledger *ledger, gint64 offset)
{
  GstBuffer *buffer = *text ? gst_buffer_new_memdup (text, strlen (text)) : gst_buffer_new ();
  GstKafkaAck *ack = gst_kafka_ack_new (ledger, offset, on_ack, NULL);

  gst_structure_set (gst_kafka_meta_ensure (buffer), "topic", G_TYPE_STRING, "t", "partition",
      G_TYPE_INT, 3, "offset", G_TYPE_INT64, offset, NULL);
  gst_kafka_meta_take_ack (buffer, ack);
  return buffer;
}

GstBuffer *
new_text (const gchar *text)
{
  return gst_buffer_new_memdup (text, strlen (text));
}

void
setup (Fixture *f, MongoMock *mock, const gchar *settings, const gchar *caps)
{
  g_autofree gchar *uri = mongo_mock_uri (mock, "");
  g_autofree gchar *line =
      g_strdup_printf ("mongosink name=sink uri=%s connections=1 %s", uri, settings);

  *f = (Fixture){.mock = mock, .bus = gst_bus_new ()};
  f->h = gst_harness_new_parse (line);
  gst_element_set_bus (f->h->element, f->bus);
  gst_harness_play (f->h);
  gst_harness_set_src_caps_str (f->h, caps);
}

static GstStructure *
get_stats (Fixture *f)
{
  GstElement *sink = gst_harness_find_element (f->h, "mongosink");
  GstStructure *stats;

  g_object_get (sink, "stats", &stats, NULL);
  gst_object_unref (sink);
  return stats;
}

guint64
get_stat (Fixture *f, const gchar *name)
{
  GstStructure *stats = get_stats (f);
  guint64 value = 0;

  fail_unless (gst_structure_get_uint64 (stats, name, &value), "%s", name);
  gst_structure_free (stats);
  return value;
}

void
assert_stat (Fixture *f, const gchar *name, guint64 expected)
{
  guint64 value = get_stat (f, name);

  fail_unless (value == expected, "%s is %" G_GUINT64_FORMAT ", not %" G_GUINT64_FORMAT, name,
      value, expected);
}

void
finish (Fixture *f)
{
  GstMessage *message;

  fail_unless (gst_harness_push_event (f->h, gst_event_new_eos ()));
  message =
      gst_bus_timed_pop_filtered (f->bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
}

void
teardown (Fixture *f)
{
  gst_element_set_state (f->h->element, GST_STATE_NULL);
  gst_element_set_bus (f->h->element, NULL);
  gst_harness_teardown (f->h);
  gst_object_unref (f->bus);
  mongo_mock_free (f->mock);
}

void
assert_acks (Fixture *f, gint done, gint failed)
{
  fail_unless_equals_int (g_atomic_int_get (&f->ledger.done), done);
  fail_unless_equals_int (g_atomic_int_get (&f->ledger.failed), failed);
  fail_unless_equals_int (g_atomic_int_get (&f->ledger.undecided), 0);
}

void
assert_stored (Fixture *f, const gchar *id, const gchar *expected)
{
  g_autofree gchar *found = mongo_mock_find (f->mock, id);

  fail_unless_equals_string (found, expected);
}

void
assert_asked (Fixture *f, const gchar *command, const gchar *part)
{
  g_autofree gchar *last = mongo_mock_last (f->mock, command);

  fail_unless (last && strstr (last, part), "%s: %s", command, last);
}

void
assert_stops_soon (Fixture *f)
{
  gint64 start = g_get_monotonic_time ();

  gst_element_set_state (f->h->element, GST_STATE_NULL);
  fail_unless (g_get_monotonic_time () - start < 9 * G_USEC_PER_SEC);
}
