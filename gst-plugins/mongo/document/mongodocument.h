/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/* What MongoDB stores at most as one document. */
#define MONGO_DOCUMENT_MAX (16 * 1024 * 1024)
/* Bytes of Extended JSON that one document may be written in. */
#define MONGO_JSON_MAX (3 * MONGO_DOCUMENT_MAX)

typedef enum {
  MONGO_FORMAT_JSON,       /* one document of Extended JSON */
  MONGO_FORMAT_JSON_LINES, /* one a line, blank lines ignored */
  MONGO_FORMAT_BSON,       /* one after the other */
} MongoFormat;

/* What is left to read; needs no clearing. */
typedef struct {
  MongoFormat format;
  const guint8 *data;
  gsize size;
  const guint8 *start; /* of all */
  const guint8 *text;  /* what the last document was read from */
  gsize text_size;
  guint dates_cut; /* that lost digits below the millisecond */
} MongoReader;

/**
 * mongo_reader_next:
 * @reader: any bytes at all
 * @document: (out) (nullable) (transfer full): the next document,
 *   %NULL if what stands there is none
 * @error: then G_IO_ERROR_INVALID_DATA, what is wrong with it, for a person
 *
 * A bad line is skipped alone; what follows bad BSON can't be told apart, and is skipped with it.
 *
 * Returns: %FALSE at the end, with neither set
 */
gboolean mongo_reader_next (MongoReader *reader, bson_t **document, GError **error);

/* How many of @size bytes of a stream are whole documents; of @size, if it can't be
 * told where the last one ends. */
gsize mongo_reader_count_whole (MongoFormat format, const guint8 *data, gsize size);

/**
 * mongo_document_ensure_id:
 * @document: (transfer full):
 * @id: (nullable): what its `_id` shall be if it has none; %NULL: an ObjectId
 *
 * The driver would make an ObjectId too, but another one at each try.
 *
 * Returns: (transfer full): a document with `_id`
 */
bson_t *mongo_document_ensure_id (bson_t *document, const gchar *id);

/* Its `_id`, type and value: equal bytes, same document. */
GBytes *mongo_document_get_id (const bson_t *document);

/* (nullable): a name of @document that an update would take for a path or an operator, so that
 * the document changed its shape */
const gchar *mongo_document_find_path (const bson_t *document);

/* The query that finds what has its `_id`, and nothing else. */
bson_t *mongo_document_to_selector (const bson_t *document);

/* The update that sets all of its fields, `_id` aside, in what has its `_id`. */
bson_t *mongo_document_to_update (const bson_t *document);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (bson_t, bson_destroy)

G_END_DECLS
