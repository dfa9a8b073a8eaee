/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A message that was alone in the pipeline in this many failed runs is poison. */
#define GST_KAFKA_SUSPICION_RUNS 3
/* After this many condemned messages in a row, the pipeline is the cause, not the messages. */
#define GST_KAFKA_SUSPICION_ROW 10

/* What is known about possible poison in one partition. It is stored in the metadata of the group's
 * committed offset, so it survives a crash and a rebalance. */
typedef struct {
  gint64 until;  /* messages before this offset go through the pipeline one at a time; -1: none */
  gint64 offset; /* the offset of the message that was alone; -1: none */
  guint
      /* in how many failed runs it was alone; this run counts until the message has gone through */
      runs;
  guint row;        /* number of messages before it that were condemned in a row */
  gboolean running; /* the run that wrote it down hasn't said how it ended */
} GstKafkaSuspicion;

void gst_kafka_suspicion_init (GstKafkaSuspicion *self);
/* (transfer full): @running: a run that doesn't replace this text by another one has crashed */
gchar *gst_kafka_suspicion_to_text (const GstKafkaSuspicion *self, gboolean running);
/* @text: (nullable): what was committed with @committed. What isn't ours means no suspicion. */
void gst_kafka_suspicion_from_text (GstKafkaSuspicion *self, const gchar *text, gint64 committed);
/* Draws the conclusion from a run that hasn't said how it ended: it has crashed, unless its
 * partitions were taken from it (@excused) before it could. */
void gst_kafka_suspicion_conclude (GstKafkaSuspicion *self, gint64 committed, gboolean excused);

G_END_DECLS
