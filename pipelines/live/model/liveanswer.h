/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The position of a message in Kafka. */
typedef struct {
  gchar *topic;
  gint partition;
  gint64 offset;
} LivePlace;

void live_place_copy (LivePlace *self, const LivePlace *from);
/* Reads the position of the message that @buffer was made from. Returns FALSE if @buffer has no
 * position in a topic. */
gboolean live_place_read (LivePlace *self, GstBuffer *buffer);
void live_place_clear (LivePlace *self);
/* The address at which this machine reaches a broker. */
typedef struct {
  const gchar *servers;     /* bootstrap servers */
  const gchar *config_file; /* nullable */
} LiveBroker;

/**
 * live_place_make_line:
 * @first: offset of the first message to read; the last message to read is the one at this position
 * @camera: (nullable): the camera whose messages are read; %NULL: messages of all cameras are read
 * @head: the line's beginning, up to `kafkasrc`
 * @tail: the line's end, which follows the properties of kafkasrc
 *
 * Returns: (transfer full): a command line for a shell. If gst-launch-1.0 could misread the
 *   camera's name, the line doesn't contain it, and a comment at the line's end says that messages
 *   of other cameras are read too.
 */
gchar *live_place_make_line (const LivePlace *self, gint64 first, const gchar *camera,
    const LiveBroker *broker, const gchar *head, const gchar *tail);
void live_place_to_json (const LivePlace *self, JsonBuilder *json);

/* The box around a face, in pixels of its frame. */
typedef struct {
  gint x, y, w, h;
  gdouble score; /* 0 to 1; NAN: unknown */
} LiveBox;

void live_boxes_to_json (const GArray *boxes, JsonBuilder *json);

/* The fog's result for one frame: an event of the database topic. Immutable, reference-counted. */
typedef struct {
  gatomicrefcount refs;
  gchar *id;     /* the frame's id: camera:session:seq, or topic:partition:offset */
  gchar *camera; /* name of the camera; NULL: the producer sent none */
  guint64 seq;
  /* times of capture and of counting, ms since the Unix epoch; 0: unknown */
  gint64 captured, processed;
  guint faces;
  GArray *boxes; /* of LiveBox */
  gint width, height;
  gchar *replica;
  LivePlace place; /* position of the event's own message in Kafka; unknown if its topic is NULL */
} LiveAnswer;

/**
 * live_answer_parse:
 * @text: an event, or any bytes at all
 * @size: number of these bytes
 * @error: G_IO_ERROR_INVALID_DATA, with a text for users that says what is wrong with @text
 *
 * Unknown fields are ignored. At most 1000 boxes are kept; boxes with a number that doesn't fit
 * into 32 bits are left out.
 *
 * Returns: (nullable) (transfer full): the answer
 */
LiveAnswer *live_answer_parse (const gchar *text, gsize size, GError **error);
/* Returns: (nullable) (transfer full): the answer in @sample, a message of the database topic, with
 * its position. */
LiveAnswer *live_answer_from_sample (GstSample *sample);
LiveAnswer *live_answer_ref (LiveAnswer *self);
void live_answer_unref (LiveAnswer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LiveAnswer, live_answer_unref)

G_END_DECLS
