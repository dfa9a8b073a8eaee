/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/* MongoDB's limit for a document, in bytes of BSON. */
#define MONGO_DOCUMENT_MAX (16 * 1024 * 1024)
/* The limit for the text of a document in Extended JSON, in bytes. */
#define MONGO_JSON_MAX (3 * MONGO_DOCUMENT_MAX)

typedef enum {
  MONGO_FORMAT_JSON,       /* one document of Extended JSON */
  MONGO_FORMAT_JSON_LINES, /* one document of Extended JSON in each line; blank lines are ignored */
  MONGO_FORMAT_BSON,       /* BSON documents, one after the other */
} MongoFormat;

/* A reader that returns the documents of a buffer, one by one, and needs no clearing. */
typedef struct {
  MongoFormat format;
  const guint8 *data;
  gsize size;
  const guint8 *start; /* first byte of the buffer that is read */
  const guint8 *text;  /* the bytes of the document that was read last */
  gsize text_size;
  guint dates_cut; /* number of dates whose digits below the millisecond were cut off */
} MongoReader;

/**
 * mongo_reader_next:
 * @reader: a reader of any bytes, whether they are documents or not
 * @document: (out) (nullable) (transfer full): the next document; %NULL with @error if the next
 *   bytes aren't a document
 * @error: G_IO_ERROR_INVALID_DATA
 *
 * After an invalid line of JSON lines, the next call reads the next line. After invalid BSON the
 * rest of the buffer is skipped, because the start of the next document is unknown.
 *
 * Returns: %FALSE at the end of the bytes, with neither @document nor @error set
 */
gboolean mongo_reader_next (MongoReader *reader, bson_t **document, GError **error);

/* Returns the number of bytes at @data that belong to whole documents; returns @size if the end of
 * the last document can't be found. @searched: the number of bytes at the start of @data that are
 * known not to contain the end of the first document, so that a long line in many buffers is
 * searched only once */
gsize mongo_reader_count_whole (MongoFormat format, const guint8 *data, gsize size, gsize searched);

/**
 * mongo_document_ensure_id:
 * @document: (transfer full): a document with or without `_id`
 * @id: (nullable): the `_id` to add if it has none; %NULL: an ObjectId
 *
 * libmongoc would add an ObjectId too, but another one whenever the document is sent again.
 *
 * Returns: (transfer full): a document with `_id`
 */
bson_t *mongo_document_ensure_id (bson_t *document, const gchar *id);

/* Returns TRUE if the field @path is a date, or an array with a date. A dot in @path leads into a
 * subdocument. */
gboolean mongo_document_has_date (const bson_t *document, const gchar *path);

/* Returns: (transfer full): type and value of the document's `_id` as bytes, for comparing the
 * `_id`s of documents */
GBytes *mongo_document_get_id (const bson_t *document);

/* Returns: (nullable): the name of a field of the document that an update would read as a path or
 * an operator, so that it would store another structure; %NULL if there is none */
const gchar *mongo_document_find_path (const bson_t *document);

/* Returns: (transfer full): the query that matches only the stored document with the `_id` of
 * @document */
bson_t *mongo_document_to_selector (const bson_t *document);

/* Returns: (transfer full): the update that sets all fields of the document except `_id` */
bson_t *mongo_document_to_update (const bson_t *document);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (bson_t, bson_destroy)

G_END_DECLS
