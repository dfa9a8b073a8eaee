/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The number of failed runs after which a message that was alone in the pipeline counts as
 * poison. */
#define GST_KAFKA_SUSPICION_RUNS 3
/* The number of condemned messages in a row after which the pipeline is the cause, not the
 * messages. */
#define GST_KAFKA_SUSPICION_ROW 10
/* The largest number of suspects in the list. A few suspects are enough, because a condemned
 * message is listed only until its offset is committed. */
#define GST_KAFKA_SUSPICION_SUSPECTS 16

typedef struct {
  gint64 offset;
  /* number of failed runs in which the message was alone; the current run counts until the message
   * has passed */
  guint runs;
} GstKafkaSuspect;

/* The suspicions about poison messages in one partition. The suspicions are stored in the metadata
 * of the group's committed offset, so they survive a crash and a rebalance. */
typedef struct {
  gint64 until; /* messages before this offset go through the pipeline one at a time; -1: none */
  gint64 alone; /* offset of the message that is alone in the pipeline in this run; -1: none */
  guint row;    /* number of messages condemned in a row */
  /* offset of the last condemned message; -1: none. A condemned message that is read again isn't
   * counted again. */
  gint64 last;
  gboolean running; /* the run that committed this state hasn't recorded how it ended */
  guint count;
  GstKafkaSuspect suspects[GST_KAFKA_SUSPICION_SUSPECTS]; /* by offset */
} GstKafkaSuspicion;

void gst_kafka_suspicion_init (GstKafkaSuspicion *self);
/* Returns: (transfer full): the metadata to commit. @run: (nullable): the name of the running run,
 * which counts as crashed unless it replaces this metadata when it ends; NULL: the run has ended */
gchar *gst_kafka_suspicion_to_text (const GstKafkaSuspicion *self, const gchar *run);
/* Reads the metadata @text (nullable), which was committed with the offset @committed, and ignores
 * metadata of other programs. Metadata that @run itself wrote doesn't show a crash, because the
 * partition was only revoked and assigned again. */
void gst_kafka_suspicion_from_text (
    GstKafkaSuspicion *self, const gchar *text, gint64 committed, const gchar *run);
/* Draws the conclusion that a run that hasn't recorded how it ended has crashed, unless the
 * partitions were revoked from it before it could record its end (@excused). */
void gst_kafka_suspicion_conclude (GstKafkaSuspicion *self, gint64 committed, gboolean excused);

/* Notes that the message @offset is pushed alone: from now on this run counts as a failed run of
 * this message. */
void gst_kafka_suspicion_begin (GstKafkaSuspicion *self, gint64 offset);
/* Notes that the message that runs alone has passed through the pipeline. If this message follows
 * the last condemned one, the series of condemned messages ends. */
void gst_kafka_suspicion_pass (GstKafkaSuspicion *self);
/* Notes that this run doesn't count as a failed run of the message, because the message isn't alone
 * any more, or because something else caused the failure. */
void gst_kafka_suspicion_withdraw (GstKafkaSuspicion *self);
/* Notes that all messages before @committed are done. */
void gst_kafka_suspicion_forget (GstKafkaSuspicion *self, gint64 committed);

gboolean gst_kafka_suspicion_is_poison (const GstKafkaSuspicion *self, gint64 offset);
/* Returns FALSE if too many messages were condemned in a row, so @offset will be tried again. */
gboolean gst_kafka_suspicion_condemn (GstKafkaSuspicion *self, gint64 offset);

G_END_DECLS
