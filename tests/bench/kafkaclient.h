/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

/* What one client of the comparison is to do. */
typedef struct {
  gchar *servers, *topic;
  gint size;    /* bytes of a frame */
  gint count;   /* messages that are measured */
  gint warm_up; /* messages before them */
  gint rate;    /* frames a second, 0: as fast as it goes */
  gint partitions;
  gboolean headers;   /* the bare loop reads them, as who wants caps and times has to */
  gint work;          /* ns that the bare loop works for each message it reads */
  gchar **options;    /* librdkafka's, NAME=VALUE */
  gchar **properties; /* the element's */
} Job;

/* What came of it; begins with the last message of the warm-up. */
typedef struct {
  const Job *job;
  gint seen;
  gint64 began, ended; /* monotonic us */
  gdouble cpu;         /* seconds of the process, user and system */
  GArray *latencies;   /* gdouble ms, where frames carry a time */
} Tally;

/* Monotonic */
gint64 now_ns (void);

void tally_begin (Tally *tally);
void tally_end (Tally *tally);

/* Counts a message read; TRUE: it was the last. */
gboolean tally_add (Tally *tally, gconstpointer data, gsize size);

/* Frame number @i of a set large enough to leave the processor's caches;
 * it stays as it is until sent. */
guint8 *frame_take (const Job *job, gint i);

/* The headers that kafkasink gives a frame, by name and length, so that
 * all send the same messages. */
#define HEADER_CAMERA "cam-1"
#define HEADER_SESSION "9f2c41d0"
#define HEADER_CAPS                                                                                \
  "image/jpeg, width=(int)640, height=(int)480, framerate=(fraction)30/1, sof-marker=(int)0"

/* A producer: open; send any number of frames; wait until the brokers have them all; close. */
typedef struct {
  void (*open) (const Job *job);
  void (*send) (guint8 *frame, gint i);
  void (*wait) (void);
  void (*close) (void);
} Producer;

extern const Producer bare_producer, element_producer;

/* Read until tally_add() says it is enough. */
void bare_consume (const Job *job, Tally *tally);
void element_consume (const Job *job, Tally *tally);
