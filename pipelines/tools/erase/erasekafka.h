/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

/* The messages of one topic that belong to a range. Kafka can only delete all messages of a
 * partition before an offset, so messages of the range can be removed only if no other messages
 * come before them. */

/* The messages of the range in one partition. */
typedef struct {
  gint32 partition;
  GArray *offsets; /* array of gint64: offsets of the messages of the range */
  gint64 newest;   /* time of the newest message of the range, ms since the Unix epoch */
  gint64 low;      /* the oldest offset that Kafka still holds */
  guint removable; /* number of consecutive messages from @low on that all belong to the range */
} ErasePartition;

typedef struct {
  const LiveSource *source;
  const ClipRange *range;
  /* array of ErasePartition, for the partitions with messages of the range */
  GPtrArray *partitions;
  guint64 found, removable;
  /* time of the newest message that can't be removed, ms since the Unix epoch; 0: all can be
   * removed */
  gint64 newest;
} EraseTopic;

/* Sorts @offsets (array of gint64), and returns the number of consecutive offsets from @low on that
 * are in it. */
guint erase_count_prefix (GArray *offsets, gint64 low);

/* Returns: (transfer full): a text that says until when Kafka keeps a message with the time
 * @newest. Kafka deletes whole segments, when their newest message is older than @retention;
 * messages are appended to a segment for at most the time @segment. All are ms. */
gchar *erase_describe_end (gint64 newest, gint64 retention, gint64 segment);

/* Reads the topic from the beginning of the range to the topic's end, because messages may be late.
 * Returns: (nullable) (transfer full): the messages of the range; the object keeps pointers to
 * @source and @range. @error: the topic can't be read */
EraseTopic *erase_topic_new (const LiveSource *source, const ClipRange *range, GError **error);
void erase_topic_free (EraseTopic *self);

/* Removes the messages that can be removed. @error: Kafka refuses this, for example because the
 * user lacks the right Delete */
gboolean erase_topic_remove (EraseTopic *self, GError **error);

/* Returns: (transfer full): a text that says until when Kafka keeps the messages that can't be
 * removed */
gchar *erase_topic_describe_rest (const EraseTopic *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EraseTopic, erase_topic_free)

G_END_DECLS
