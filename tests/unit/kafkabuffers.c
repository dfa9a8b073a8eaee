/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>

#include "gstkafkameta.h"
#include "src/gstkafkabuffers.h"

static gint acks; /* atomic */

static void
note_ack (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome)
{
  g_atomic_int_inc (&acks);
}

/* Fills a buffer as kafkasrc does, and adds what other elements may add to it. */
static void
fill (GstBuffer *buffer)
{
  GstCaps *caps = gst_caps_new_empty_simple ("timestamp/x-unix");
  GBytes *key = g_bytes_new_static ("k", 1);

  gst_structure_set (gst_kafka_meta_ensure (buffer), "topic", G_TYPE_STRING, "t", "partition",
      G_TYPE_INT, 3, "offset", G_TYPE_INT64, G_GINT64_CONSTANT (7), "lag", G_TYPE_INT64,
      G_GINT64_CONSTANT (1), "timestamp", G_TYPE_INT64, G_GINT64_CONSTANT (5), "key", G_TYPE_BYTES,
      key, "tombstone", G_TYPE_BOOLEAN, TRUE, "target-topic", G_TYPE_STRING, "other", NULL);
  gst_kafka_meta_set_headers (buffer, "camera", "cam-1", NULL);
  gst_kafka_meta_take_ack (buffer, gst_kafka_ack_new (NULL, 7, note_ack, NULL));
  gst_buffer_append_memory (buffer, gst_allocator_alloc (NULL, 10, NULL));
  gst_buffer_add_reference_timestamp_meta (buffer, caps, 1, GST_CLOCK_TIME_NONE);
  GST_META_FLAG_SET (gst_buffer_get_reference_timestamp_meta (buffer, caps), GST_META_FLAG_LOCKED);
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = GST_BUFFER_DURATION (buffer) = 1;
  GST_BUFFER_OFFSET (buffer) = GST_BUFFER_OFFSET_END (buffer) = 1;
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_GAP);
  gst_caps_unref (caps);
  g_bytes_unref (key);
}

static gboolean
count_meta (GstBuffer *buffer, GstMeta **meta, gpointer n)
{
  (*(guint *) n)++;
  return TRUE;
}

static void
assert_empty (GstBuffer *buffer)
{
  static const gchar *const gone[] = {"key", "tombstone", "target-topic", "headers", "ack"};
  const GstStructure *s = gst_kafka_meta_peek (buffer);
  guint metas = 0;

  gst_buffer_foreach_meta (buffer, count_meta, &metas);
  fail_unless_equals_int (metas, 1);
  for (guint i = 0; i < G_N_ELEMENTS (gone); i++)
    fail_if (gst_structure_has_field (s, gone[i]), "%s is still there", gone[i]);
  fail_if (gst_kafka_meta_is_replayable (buffer));
  fail_unless_equals_int (gst_buffer_n_memory (buffer), 0);
  fail_unless_equals_int (GST_MINI_OBJECT_FLAGS (buffer), 0);
  fail_if (GST_BUFFER_PTS_IS_VALID (buffer) || GST_BUFFER_DTS_IS_VALID (buffer) ||
           GST_BUFFER_DURATION_IS_VALID (buffer) || GST_BUFFER_OFFSET_IS_VALID (buffer) ||
           GST_BUFFER_OFFSET_END_IS_VALID (buffer));
  fail_unless (gst_buffer_is_writable (buffer));
}

GST_START_TEST (test_a_released_buffer_is_used_again_and_is_empty)
{
  GstKafkaBuffers *buffers = gst_kafka_buffers_new ();
  GstBuffer *first = gst_kafka_buffers_take (buffers), *again;

  assert_empty (first);
  fill (first);
  acks = 0;
  gst_buffer_unref (first);
  fail_unless_equals_int (acks, 1);
  again = gst_kafka_buffers_take (buffers);
  fail_unless (again == first);
  assert_empty (again);
  gst_buffer_unref (again);
  gst_kafka_buffers_close (buffers);
}
GST_END_TEST;

/* A copy of a buffer, such as a decoder's picture, keeps its meta and its ack token when the buffer
 * itself is used for the next message. */
GST_START_TEST (test_a_copy_keeps_its_meta_and_its_ack_token)
{
  GstKafkaBuffers *buffers = gst_kafka_buffers_new ();
  GstBuffer *buffer = gst_kafka_buffers_take (buffers), *copy, *next;
  gint64 offset;

  fill (buffer);
  acks = 0;
  copy = gst_buffer_copy_deep (buffer);
  gst_buffer_unref (buffer);
  next = gst_kafka_buffers_take (buffers);
  gst_structure_set (
      gst_kafka_meta_ensure (next), "offset", G_TYPE_INT64, G_GINT64_CONSTANT (8), NULL);
  fail_unless (gst_structure_get_int64 (gst_kafka_meta_peek (copy), "offset", &offset));
  fail_unless_equals_int64 (offset, 7);
  fail_unless_equals_string (gst_kafka_meta_get_header (copy, "camera"), "cam-1");
  fail_unless_equals_int (acks, 0);
  gst_buffer_unref (copy);
  fail_unless_equals_int (acks, 1);
  gst_buffer_unref (next);
  gst_kafka_buffers_close (buffers);
}
GST_END_TEST;

GST_START_TEST (test_buffers_that_the_pool_does_not_keep_are_freed)
{
  GstKafkaBuffers *buffers = gst_kafka_buffers_new ();
  GstBuffer *many[100], *bare = gst_kafka_buffers_take (buffers);

  gst_buffer_remove_meta (bare, (GstMeta *) gst_kafka_meta_get (bare));
  gst_buffer_unref (bare);
  for (guint i = 0; i < G_N_ELEMENTS (many); i++) {
    many[i] = gst_kafka_buffers_take (buffers);
    fill (many[i]);
  }
  acks = 0;
  for (guint i = 0; i < G_N_ELEMENTS (many) - 1; i++)
    gst_buffer_unref (many[i]);
  gst_kafka_buffers_close (buffers);
  gst_buffer_unref (many[G_N_ELEMENTS (many) - 1]);
  fail_unless_equals_int (acks, G_N_ELEMENTS (many));
}
GST_END_TEST;

static gpointer
free_all (gpointer queue)
{
  GstBuffer *buffer;

  for (guint i = 0; i < 20000; i++) {
    buffer = g_async_queue_pop (queue);
    gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_DONE);
    gst_buffer_unref (buffer);
  }
  return NULL;
}

GST_START_TEST (test_any_thread_frees)
{
  GstKafkaBuffers *buffers = gst_kafka_buffers_new ();
  GAsyncQueue *queue = g_async_queue_new ();
  GThread *threads[] = {g_thread_new ("a", free_all, queue), g_thread_new ("b", free_all, queue)};

  acks = 0;
  for (guint i = 0; i < 40000; i++) {
    GstBuffer *buffer = gst_kafka_buffers_take (buffers);

    fail_unless_equals_int (gst_buffer_n_memory (buffer), 0);
    gst_kafka_meta_take_ack (buffer, gst_kafka_ack_new (NULL, i, note_ack, NULL));
    gst_buffer_append_memory (buffer, gst_allocator_alloc (NULL, 10, NULL));
    g_async_queue_push (queue, buffer);
  }
  gst_kafka_buffers_close (buffers);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  fail_unless_equals_int (acks, 40000);
  g_async_queue_unref (queue);
}
GST_END_TEST;

static Suite *
kafkabuffers_suite (void)
{
  Suite *s = suite_create ("kafkabuffers");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, gst_kafka_meta_register, NULL);
  tcase_add_test (tc, test_a_released_buffer_is_used_again_and_is_empty);
  tcase_add_test (tc, test_a_copy_keeps_its_meta_and_its_ack_token);
  tcase_add_test (tc, test_buffers_that_the_pool_does_not_keep_are_freed);
  tcase_add_test (tc, test_any_thread_frees);
  return s;
}

GST_CHECK_MAIN (kafkabuffers);
