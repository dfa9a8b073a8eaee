/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongowriterprivate.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

static gboolean
is_stored (const MongoItem *item)
{
  return item->result.verdict == MONGO_VERDICT_STORED ||
         item->result.verdict == MONGO_VERDICT_DUPLICATE;
}

void
mongo_worker_find_fault (MongoWorker *self, guint tried)
{
  for (guint i = 0; i < tried; i++) {
    MongoItem *item = g_ptr_array_index (self->batch, i);

    if (item->result.verdict != MONGO_VERDICT_REFUSED)
      continue;
    if (item->beside && tried == 1) {
      MONGO_WRITER_LOG (
          self->writer, DEBUG, "the document is refused alone too, so it is at fault");
      mongo_session_reject (self->session, item);
    }
    for (guint n = 0; n < tried && !item->beside; n++) {
      const MongoItem *other = g_ptr_array_index (self->batch, n);

      item->beside = is_stored (other) && g_str_equal (other->collection, item->collection);
    }
  }
}

gboolean
mongo_worker_isolate (MongoWorker *self)
{
  GPtrArray *batch = self->batch;

  for (guint i = 0; i < batch->len; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    if (item->result.verdict != MONGO_VERDICT_REFUSED || !item->beside)
      continue;
    g_mutex_lock (&self->writer->lock);
    memmove (batch->pdata + 1, batch->pdata, i * sizeof *batch->pdata);
    batch->pdata[0] = item;
    g_mutex_unlock (&self->writer->lock);
    self->isolated = TRUE;
    MONGO_WRITER_LOG (self->writer, DEBUG,
        "a document was refused beside others that are stored, so it goes alone: %s (code %d)",
        item->result.reason, item->result.code);
    return TRUE;
  }
  return FALSE;
}

const MongoItem *
mongo_batch_find_worst (GPtrArray *batch)
{
  const MongoItem *worst = NULL;

  for (guint i = 0; i < batch->len; i++) {
    const MongoItem *item = g_ptr_array_index (batch, i);

    if (!worst || item->result.verdict > worst->result.verdict)
      worst = item;
  }
  return worst;
}

GError *
mongo_worker_new_write_error (const MongoWorker *self, const MongoItem *item)
{
  const MongoResult *result = &item->result;
  const gchar *hosts = mongo_session_get_hosts (self->session);
  const gchar *database = mongo_session_get_target (self->session)->database;

  if (result->verdict == MONGO_VERDICT_DENIED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "MongoDB at %s doesn't let this user write to %s.%s: %s. Grant it readWrite there, or use "
        "another user in the URI.",
        hosts, database, item->collection, result->reason);
  if (result->verdict == MONGO_VERDICT_FAILED || result->verdict == MONGO_VERDICT_REFUSED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
        "MongoDB at %s refused all documents for %s.%s alike until the end of retry-timeout: %s "
        "(code %d). Change what is set: database, collection, its shard key or rules, or the write "
        "concern in the URI (w, journal).",
        hosts, database, item->collection, result->reason, result->code);
  return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "MongoDB at %s didn't store documents in %s.%s for as long as retry-timeout allows: %s (code "
      "%d). Check the server, or raise retry-timeout.",
      hosts, database, item->collection, result->reason, result->code);
}
