/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstKafkaAckOutcome:
 * @GST_KAFKA_ACK_UNDECIDED: all buffers were freed without a mark: a decoder skipped a buffer, or a
 *   queue dropped it
 * @GST_KAFKA_ACK_DONE: the message was delivered, stored, or dropped on purpose
 * @GST_KAFKA_ACK_FAILED: an element couldn't process a buffer; the message has to be read again
 *
 * The outcome of a message of kafkasrc in the pipeline. kafkasrc is notified of the outcome once,
 * when the last
 * buffer that was made from the message is freed.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_ACK_UNDECIDED,
  GST_KAFKA_ACK_DONE,
  GST_KAFKA_ACK_FAILED,
} GstKafkaAckOutcome;

/**
 * GstKafkaAckNotify:
 * @ledger: as in gst_kafka_ack_new()
 * @offset: the message's offset in its partition
 * @outcome: the outcome of the message
 *
 * Called from the thread that frees the last buffer made from the message. This function must not
 * block.
 */
typedef void (*GstKafkaAckNotify) (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome);

/**
 * GstKafkaAck:
 *
 * The ack token of a message. The token is a reference-counted boxed type, so a GstStructure can
 * hold it, and it lives as long as any copy of that structure.
 *
 * Since: 0.1
 */
typedef struct _GstKafkaAck GstKafkaAck;

/**
 * gst_kafka_ack_new:
 * @ledger: passed to @notify; the token takes over one reference
 * @offset: the message's offset
 * @notify: called once, when the last reference to the token is released
 * @ledger_unref: (nullable): releases the reference to @ledger after @notify
 *
 * Returns: (transfer full): an undecided token
 */
GstKafkaAck *gst_kafka_ack_new (
    gpointer ledger, gint64 offset, GstKafkaAckNotify notify, GDestroyNotify ledger_unref);

/**
 * SECTION:GstKafkaMeta
 *
 * A custom meta (GstCustomMeta) named `GstKafkaMeta`, which connects a buffer with Kafka. The meta
 * has no tags, so decoders, converters and encoders copy it. The fields of the meta's structure
 * are all optional:
 *
 * | field | type | meaning |
 * | --- | --- | --- |
 * | topic, partition, offset | string, int, int64 | the message that the buffer was made from |
 * | key | GBytes | that message's key |
 * | timestamp | int64 | Kafka timestamp of that message, ms since the Unix epoch |
 * | headers | GPtrArray of GstKafkaHeader | headers of that message; kafkasink sends them again |
 * | lag | int64 | number of newer messages in the partition when the message was fetched |
 * | ack | GstKafkaAck | the ack token |
 * | tombstone | boolean | true if the message had no value at all, not even an empty one |
 * | target-topic, target-partition, target-key | string, int, GBytes | where kafkasink sends it |
 *
 * Since: 0.1
 */
#define GST_KAFKA_META_NAME "GstKafkaMeta"

/* The headers that have a meaning in this project (gst-plugins/README.md, "Messages"). */
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
#define GST_KAFKA_HEADER_STILL_INTERVAL "still-interval"
#define GST_KAFKA_HEADER_STILL_FRAMES "still-frames"
#define GST_KAFKA_HEADER_STILL_TIME "still-time"
#define GST_KAFKA_HEADER_STILL_CHANGED "still-changed"

/* The structure of the sticky custom event by which kafkasrc announces the partitions that it
 * reads: `partitions`, a GstValueArray of int (empty: none), and `topic`, a string. Since: 0.1 */
#define GST_KAFKA_ASSIGNMENT_EVENT "GstKafkaAssignment"

/* The structure of a custom query, which kafkasrc answers in PAUSED and PLAYING: `lag`, int64, the
 * number of messages of its partitions that it hasn't pushed yet; `partitions` as in the event.
 * Since: 0.1 */
#define GST_KAFKA_LAG_QUERY "GstKafkaLag"

/**
 * GstKafkaHeader:
 * @name: UTF-8
 * @size: size of @value in bytes
 * @value: (nullable): the header's value; a NUL follows its last byte
 *
 * One header of a message. A header never changes, and is reference-counted.
 */
typedef struct {
  gatomicrefcount *refs;
  const gchar *name;
  gsize size;
  const gchar *value;
} GstKafkaHeader;

/* Returns a new header with a copy of @value; if @value is NULL, the header has no value. @size:
 * the size of @value in bytes; -1: up to its NUL */
GstKafkaHeader *gst_kafka_header_new (const gchar *name, gconstpointer value, gssize size);
GstKafkaHeader *gst_kafka_header_ref (GstKafkaHeader *header);
void gst_kafka_header_unref (GstKafkaHeader *header);
/* Returns an empty GPtrArray that owns the GstKafkaHeaders added to it. */
GPtrArray *gst_kafka_headers_new (guint reserve);
/* Returns an array as gst_kafka_headers_new() does, with copies of the @n headers in it. The field
 * `refs` of @headers isn't used. */
GPtrArray *gst_kafka_headers_new_copies (const GstKafkaHeader *headers, guint n);
/* Like gst_kafka_headers_new_copies(), but doesn't copy the texts: they belong to @owner, which
 * @free_owner frees when the last of the headers is released. @n: 1 at least */
GPtrArray *gst_kafka_headers_new_owned (
    const GstKafkaHeader *headers, guint n, gpointer owner, GDestroyNotify free_owner);
/* Parses the value of @header (nullable) as a decimal number. Returns FALSE if @header is NULL, has
 * no value, or its value isn't a number. */
gboolean gst_kafka_header_to_uint64 (const GstKafkaHeader *header, guint64 *value);

/* Registers the meta and the type of the ack token, once in a process. Each plugin_init calls this
 * function first. */
void gst_kafka_meta_register (void);

/* Fields of the meta's structure, to be looked up by quark, because a look-up by name takes a lock
 * and a hash each time. */
typedef enum {
  GST_KAFKA_FIELD_TOPIC,
  GST_KAFKA_FIELD_PARTITION,
  GST_KAFKA_FIELD_OFFSET,
  GST_KAFKA_FIELD_LAG,
  GST_KAFKA_FIELD_TIMESTAMP,
  GST_KAFKA_FIELD_HEADERS,
  GST_KAFKA_FIELD_ACK,
  GST_KAFKA_FIELD_KEY,
  GST_KAFKA_N_FIELDS,
} GstKafkaField;

/* By #GstKafkaField. */
const GQuark *gst_kafka_meta_get_fields (void);

/* (nullable) */
GstCustomMeta *gst_kafka_meta_get (GstBuffer *buffer);
/* Returns: (nullable): the structure of the buffer's meta. */
const GstStructure *gst_kafka_meta_peek (GstBuffer *buffer);
/* Returns the structure of a writable buffer's meta. Adds a meta if the buffer has none. */
GstStructure *gst_kafka_meta_ensure (GstBuffer *buffer);
/* Copies the meta of @src, if it has one, to @dst, with the ack token. */
void gst_kafka_meta_copy (GstBuffer *dst, GstBuffer *src);

/* Returns TRUE if @buffer was made from a message without a value; an empty value is a value. */
gboolean gst_kafka_meta_is_tombstone (GstBuffer *buffer);

/* Returns TRUE if kafkasrc made @buffer, and Kafka keeps its message until the ack token is
 * done. */
gboolean gst_kafka_meta_is_replayable (GstBuffer *buffer);

/* Returns: (nullable) (transfer none): all headers of @buffer, in order. The caller must not change
 * the headers. */
GPtrArray *gst_kafka_meta_get_headers (GstBuffer *buffer);
/* Replaces all headers of @buffer by @headers (transfer full). */
void gst_kafka_meta_take_headers (GstBuffer *buffer, GPtrArray *headers);
/* Returns: (nullable): the last header of @buffer with @name. The header's value may have any
 * bytes. */
const GstKafkaHeader *gst_kafka_meta_find_header (GstBuffer *buffer, const gchar *name);
/* Returns: (nullable): the value of the last header of @buffer with @name; NULL if the header is
 * absent or its value isn't valid UTF-8. */
const gchar *gst_kafka_meta_get_header (GstBuffer *buffer, const gchar *name);
/* Parses the value of the header @name as a decimal number. Returns FALSE if the header is absent,
 * or its value isn't a number. */
gboolean gst_kafka_meta_get_header_uint64 (GstBuffer *buffer, const gchar *name, guint64 *value);
gboolean gst_kafka_meta_get_header_double (GstBuffer *buffer, const gchar *name, gdouble *value);
/* Sets headers of a writable buffer. The arguments are pairs of a header's name and its text, ended
 * by NULL. A text replaces an existing header of that name; NULL in place of a text removes the
 * header. */
void gst_kafka_meta_set_headers (GstBuffer *buffer, const gchar *name, ...) G_GNUC_NULL_TERMINATED;

/* Returns: (nullable) (transfer full): `topic:partition:offset` of the message that @buffer was
 * made from. */
gchar *gst_kafka_meta_make_message_id (GstBuffer *buffer);

/* The identity of a frame, as its producer wrote it into the headers. The headers own the texts. */
typedef struct {
  const gchar *camera, *session; /* NULL if absent */
  gboolean has_seq;
  guint64 seq;
} GstKafkaFrameId;

void gst_kafka_meta_read_frame_id (GstBuffer *buffer, GstKafkaFrameId *id);
/* Returns: (nullable) (transfer full): `camera:session:seq` if @id has all three, with camera and
 * session shortened by fog_name_bounded(); else the id of the message that @buffer was made
 * from. */
gchar *gst_kafka_frame_id_to_text (const GstKafkaFrameId *id, GstBuffer *buffer);
/* Returns: (nullable) (transfer full): the result of gst_kafka_meta_read_frame_id() and
 * gst_kafka_frame_id_to_text(), in one call. */
gchar *gst_kafka_meta_make_frame_id (GstBuffer *buffer);

/* Gives a writable buffer the token @ack (transfer full). */
void gst_kafka_meta_take_ack (GstBuffer *buffer, GstKafkaAck *ack);
/* Marks the ack token of @buffer with @outcome, if @buffer has a token. */
void gst_kafka_meta_mark (GstBuffer *buffer, GstKafkaAckOutcome outcome);
/* Gives the writable @buffer a token of its own, because several buffers were made from one
 * message, and each of them gets an outcome. */
void gst_kafka_meta_make_part (GstBuffer *buffer);

G_END_DECLS
