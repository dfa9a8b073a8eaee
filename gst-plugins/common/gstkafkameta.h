/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "gstkafkaack.h"

G_BEGIN_DECLS

/**
 * SECTION:GstKafkaMeta
 *
 * A custom meta (GstCustomMeta) named `GstKafkaMeta`: what a buffer knows of Kafka. It has no tags, so
 * decoders, converters and encoders copy it. Its structure's fields, each of them optional:
 *
 * | field | type | meaning |
 * | --- | --- | --- |
 * | topic, partition, offset | string, int, int64 | the message this buffer was made from |
 * | key | GBytes | that message's key |
 * | timestamp | int64 | that message's Kafka timestamp, ms since the Unix epoch |
 * | headers | GPtrArray of GstKafkaHeader | its headers; kafkasink sends them on |
 * | lag | int64 | messages waiting behind it in its partition when it was fetched |
 * | ack | GObject | the ack token |
 * | tombstone | boolean | true: that message had no value, which is more than an empty one |
 * | target-topic, target-partition, target-key | string, int, GBytes | where kafkasink is to put it |
 */
#define GST_KAFKA_META_NAME "GstKafkaMeta"

/* The names of the headers that this project gives a meaning to; README, "Messages". */
#define GST_KAFKA_HEADER_CAMERA "camera"
#define GST_KAFKA_HEADER_SESSION "session"
#define GST_KAFKA_HEADER_SEQ "seq"
#define GST_KAFKA_HEADER_CAPTURE_TIME "capture-time"
#define GST_KAFKA_HEADER_CAPS "gst-caps"
#define GST_KAFKA_HEADER_PTS "gst-pts"
#define GST_KAFKA_HEADER_DTS "gst-dts"
#define GST_KAFKA_HEADER_DURATION "gst-duration"
#define GST_KAFKA_HEADER_FLAGS "gst-flags"
#define GST_KAFKA_HEADER_RATE_MIN "rate-min"
#define GST_KAFKA_HEADER_RATE_MAX "rate-max"
#define GST_KAFKA_HEADER_RATE_WEIGHT "rate-weight"

/* kafkasrc says in a sticky custom downstream event which partitions it reads: a structure of this name
 * with `partitions`, a GstValueArray of int (empty: none), and `topic`, a string. */
#define GST_KAFKA_ASSIGNMENT_EVENT "GstKafkaAssignment"

/* A custom query, answered by kafkasrc in any state from PAUSED on: `lag`, int64, messages of its
 * partitions not yet pushed downstream; `partitions` as in the event. */
#define GST_KAFKA_LAG_QUERY "GstKafkaLag"

/**
 * GstKafkaHeader:
 * @name: UTF-8
 * @size: bytes of @value
 * @value: (nullable): a NUL follows its last byte
 *
 * One immutable, reference-counted message header.
 */
typedef struct {
  gatomicrefcount *refs;
  const gchar *name;
  gsize size;
  const gchar *value;
} GstKafkaHeader;

/* @value is copied; %NULL makes a header without value, -1 as @size takes strlen. */
GstKafkaHeader *gst_kafka_header_new (const gchar *name, gconstpointer value, gssize size);
GstKafkaHeader *gst_kafka_header_ref (GstKafkaHeader *header);
void gst_kafka_header_unref (GstKafkaHeader *header);
/* An empty GPtrArray that owns its GstKafkaHeaders. */
GPtrArray *gst_kafka_headers_new (guint reserve);
/* The same with copies of all @n of @headers, whose `refs` play no part. */
GPtrArray *gst_kafka_headers_new_copies (const GstKafkaHeader *headers, guint n);

/* Registers the meta and the ack token once a process; every plugin_init calls it first. */
void gst_kafka_meta_register (void);

/* (nullable): the meta's structure, to read. */
const GstStructure *gst_kafka_meta_peek (GstBuffer *buffer);
/* The structure of a writable buffer's meta, made if there is none. */
GstStructure *gst_kafka_meta_ensure (GstBuffer *buffer);
/* @dst gets a copy of the meta of @src, ack token included; nothing happens if @src has none. */
void gst_kafka_meta_copy (GstBuffer *dst, GstBuffer *src);

/* Whether @buffer stands for a message without a value, which is more than an empty one. */
gboolean gst_kafka_meta_is_tombstone (GstBuffer *buffer);

/* (nullable) (transfer none): all headers, in order. Treat as immutable. */
GPtrArray *gst_kafka_meta_get_headers (GstBuffer *buffer);
/* Puts @headers (transfer full) in place of what there was. */
void gst_kafka_meta_take_headers (GstBuffer *buffer, GPtrArray *headers);
/* (nullable): the last header of that name, whatever bytes its value has. */
const GstKafkaHeader *gst_kafka_meta_find_header (GstBuffer *buffer, const gchar *name);
/* (nullable): the last header of that name as text; %NULL if absent, or not valid UTF-8. */
const gchar *gst_kafka_meta_get_header (GstBuffer *buffer, const gchar *name);
/* The same, as a decimal number. */
gboolean gst_kafka_meta_get_header_uint64 (GstBuffer *buffer, const gchar *name, guint64 *value);
gboolean gst_kafka_meta_get_header_double (GstBuffer *buffer, const gchar *name, gdouble *value);
/* Sets headers of a writable buffer; pairs of name and text follow, ended by %NULL. A name that is there is
 * replaced; a %NULL text removes it. */
void gst_kafka_meta_set_headers (GstBuffer *buffer, const gchar *name, ...) G_GNUC_NULL_TERMINATED;

/* (nullable) (transfer full): `topic:partition:offset` of the message that @buffer was made from. */
gchar *gst_kafka_meta_make_message_id (GstBuffer *buffer);

/* The identity of a frame, as its producer wrote it into the headers, which own the texts. */
typedef struct {
  const gchar *camera, *session; /* NULL if absent */
  gboolean has_seq;
  guint64 seq;
} GstKafkaFrameId;

void gst_kafka_meta_read_frame_id (GstBuffer *buffer, GstKafkaFrameId *id);
/* (nullable) (transfer full): `camera:session:seq` if @id has all three, else the id of the message
 * that @buffer was made from. */
gchar *gst_kafka_frame_id_to_text (const GstKafkaFrameId *id, GstBuffer *buffer);
/* (nullable) (transfer full): both of them in one. */
gchar *gst_kafka_meta_make_frame_id (GstBuffer *buffer);

/* Decides on the ack token, if there is one. */
void gst_kafka_meta_mark (GstBuffer *buffer, GstKafkaAckOutcome outcome);
/* The writable @buffer is one of several that were made from a message, and that are decided on one by one. */
void gst_kafka_meta_make_part (GstBuffer *buffer);

G_END_DECLS
