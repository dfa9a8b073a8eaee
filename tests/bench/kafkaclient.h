/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

/* The task of one client in the comparison. */
typedef struct {
  gchar *servers, *topic;
  gint size;    /* bytes of a frame */
  gint count;   /* messages that are measured */
  gint warm_up; /* messages before them */
  gint rate;    /* rate of sending in frames/s; 0: as fast as possible */
  gint partitions;
  /* the bare loop reads the headers, as a program that needs caps and times has to */
  gboolean headers;
  gboolean source; /* the bare loop is the least source that GStreamer allows, and reads headers */
  gint work;       /* ns that the bare loop works for each message it reads */
  gchar **options; /* librdkafka's, NAME=VALUE */
  gchar **properties; /* the element's */
} Job;

/* The result, counted from the last message of the warm-up. */
typedef struct {
  const Job *job;
  gint seen;
  gint64 began, ended; /* monotonic us */
  gdouble cpu;         /* CPU time of the process in s, user and system */
  GArray *latencies;   /* ages of frames in ms (gdouble), if frames carry a time */
} Tally;

/* Monotonic */
gint64 now_ns (void);

void tally_begin (Tally *tally);
void tally_end (Tally *tally);

/* Counts a message that was read. Returns: TRUE if it was the last message. */
gboolean tally_add (Tally *tally, gconstpointer data, gsize size);

/* Returns frame number @i of a set that is larger than the processor's caches. The frame stays
 * valid until it is sent. */
guint8 *frame_take (const Job *job, gint i);

/* The headers that kafkasink adds to a frame, by name and length, so that all clients send the same
 * messages. */
#define HEADER_CAMERA "cam-1"
#define HEADER_SESSION "9f2c41d0"
#define HEADER_CAPS                                                                                \
  "image/jpeg, width=(int)640, height=(int)480, framerate=(fraction)30/1, sof-marker=(int)0"

/* Runs a producer: opens, sends frames, waits until the brokers have all of them, closes. */
typedef struct {
  void (*open) (const Job *job);
  void (*send) (guint8 *frame, gint i);
  void (*wait) (void);
  void (*close) (void);
} Producer;

extern const Producer bare_producer, element_producer;

/* The bare loop's reader. */
void bare_open (const Job *job);
rd_kafka_message_t *bare_read (void);
void bare_close (void);

/* Reads until tally_add() returns TRUE. */
void bare_consume (const Job *job, Tally *tally);
/* The bare reader within a GstPushSrc, whose buffers carry nothing but the message's bytes. */
void source_consume (const Job *job, Tally *tally);
void element_consume (const Job *job, Tally *tally);
