/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

/* Messages of a range in one topic. Kafka removes only from the beginning of a partition on, and
 * whatever is there: so only what nothing else stands before can be removed. */

/* Of one partition. */
typedef struct {
  gint32 partition;
  GArray *offsets; /* of gint64: messages of the range */
  gint64 newest;   /* ms since the Unix epoch, of those */
  gint64 low;      /* the oldest offset that Kafka still holds */
  guint removable; /* messages from @low on that are all of the range */
} ErasePartition;

typedef struct {
  const LiveSource *source;
  GPtrArray *partitions; /* of ErasePartition, those with messages of the range */
  guint64 found, removable;
  gint64 newest; /* ms, of those that can't be removed; 0: none */
} EraseTopic;

/* How many of @offsets (of gint64, sorted here), without a gap, begin at @low. */
guint erase_count_prefix (GArray *offsets, gint64 low);

/* (nullable) (transfer full): @error: the topic can't be read */
EraseTopic *erase_topic_new (const LiveSource *source, const ClipRange *range, GError **error);
void erase_topic_free (EraseTopic *self);

/* Removes what can be removed. @error: the right to do so (Delete) is missing, for example */
gboolean erase_topic_remove (EraseTopic *self, GError **error);

/* (transfer full): until when Kafka keeps what can't be removed */
gchar *erase_topic_describe_rest (const EraseTopic *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EraseTopic, erase_topic_free)

G_END_DECLS
