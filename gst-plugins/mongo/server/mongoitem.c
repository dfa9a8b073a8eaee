/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongoitem.h"

void
mongo_file_unref (MongoFile *file)
{
  if (!g_atomic_ref_count_dec (&file->refs))
    return;
  g_ref_string_release (file->bucket);
  g_array_unref (file->stored);
  g_free (file);
}

MongoItem *
mongo_item_new (bson_t *document, GRefString *collection, GstBuffer *buffer)
{
  MongoItem *item = g_new0 (MongoItem, 1);

  item->document = document;
  item->collection = collection;
  item->buffer = buffer;
  return item;
}

void
mongo_item_free (MongoItem *item)
{
  bson_destroy (item->document);
  g_ref_string_release (item->collection);
  g_clear_pointer (&item->buffer, gst_buffer_unref);
  g_clear_pointer (&item->file, mongo_file_unref);
  mongo_result_clear (&item->result);
  g_free (item);
}

gboolean
mongo_item_is_retry (const MongoItem *item)
{
  switch (item->result.verdict) {
    case MONGO_VERDICT_RETRY:
    case MONGO_VERDICT_LOST:
    case MONGO_VERDICT_LATE:
    case MONGO_VERDICT_REFUSED:
    case MONGO_VERDICT_FAILED:
      return TRUE;
    default:
      return FALSE;
  }
}

gboolean
mongo_item_is_internal_error (const MongoItem *item)
{
  return item->result.code == MONGO_CODE_INTERNAL_ERROR &&
         (item->result.verdict == MONGO_VERDICT_RETRY ||
             item->result.verdict == MONGO_VERDICT_REFUSED);
}
