/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

/* The messages of a range in one topic. Kafka can only delete all messages of a partition before an
 * offset. So messages of the range can be removed only if no other messages are before them. */

/* The messages of the range in one partition. */
typedef struct {
  gint32 partition;
  GArray *offsets; /* of gint64: offsets of these messages */
  gint64 newest;   /* time of the newest of these messages, ms since the Unix epoch */
  gint64 low;      /* the oldest offset that Kafka still holds */
  guint removable; /* number of messages from @low on, all of which are of the range */
} ErasePartition;

typedef struct {
  const LiveSource *source;
  const ClipRange *range;
  GPtrArray *partitions; /* of ErasePartition: partitions with messages of the range */
  guint64 found, removable;
  gint64 newest; /* time of the newest message that can't be removed, ms; 0: there is none */
} EraseTopic;

/* Returns how many consecutive offsets from @low on are in @offsets (of gint64), which it sorts. */
guint erase_count_prefix (GArray *offsets, gint64 low);

/* Returns: (transfer full): until when Kafka keeps a message of the time @newest. Kafka deletes a
 * segment as a whole, once its newest message is older than @retention; a segment takes messages
 * for up to @segment. All are ms. */
gchar *erase_describe_end (gint64 newest, gint64 retention, gint64 segment);

/* Returns: (nullable) (transfer full): reads the topic from the range on to its end, since messages
 * may be late. It keeps @source and @range. @error: the topic can't be read */
EraseTopic *erase_topic_new (const LiveSource *source, const ClipRange *range, GError **error);
void erase_topic_free (EraseTopic *self);

/* Removes the messages that can be removed. @error: for example, the user lacks the right Delete */
gboolean erase_topic_remove (EraseTopic *self, GError **error);

/* Returns: (transfer full): until when Kafka keeps what can't be removed */
gchar *erase_topic_describe_rest (const EraseTopic *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EraseTopic, erase_topic_free)

G_END_DECLS
