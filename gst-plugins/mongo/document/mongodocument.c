/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongodocument.h"
#include "mongojson.h"

#include <gio/gio.h>
#include <string.h>

/* The nesting depth of a document that servers accept; libbson's JSON parser accepts half of this
 * depth. */
#define LEVELS_MAX 200

static bson_t *
invalid (GError **error, const gchar *what)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, what);
  return NULL;
}

/* Returns: (nullable): an error if the text doesn't begin with a document; %NULL if it does. An
 * array is an error, because libbson would read an array as a document with the fields 0, 1, 2. */
static const gchar *
check_opening (const guint8 *text, gsize size)
{
  if (!size)
    return "the buffer is empty";
  if (size >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    return "the text begins with a byte order mark, which isn't allowed in JSON";
  while (size && g_ascii_isspace (*text)) {
    text++;
    size--;
  }
  return size && *text == '{' ? NULL : "a JSON document must begin with {";
}

static bson_t *
check_document (bson_t *document, GError **error)
{
  bson_error_t what;

  if (document->len > MONGO_DOCUMENT_MAX)
    invalid (error, "the document is larger than MongoDB's limit of 16 MiB");
  else if (bson_validate_with_error (
               document, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, &what))
    return document;
  else
    invalid (error, what.message);
  bson_destroy (document);
  return NULL;
}

static bson_t *
parse_json (MongoReader *self, GError **error)
{
  const guint8 *text = self->text;
  gsize size = self->text_size;
  bson_json_reader_t *reader;
  g_autoptr (bson_t) document = NULL;
  const gchar *wrong;
  GString *prepared;
  guint dates_cut;
  bson_t rest = BSON_INITIALIZER;
  bson_error_t what;
  gint found, more;

  if (size > MONGO_JSON_MAX)
    return invalid (error, "the text is longer than 48 MiB");
  if ((wrong = check_opening (text, size)))
    return invalid (error, wrong);
  if (!g_utf8_validate_len ((const gchar *) text, size, NULL))
    return invalid (error, "the text isn't UTF-8");

  if (!(prepared = mongo_json_prepare ((const gchar *) text, size, &dates_cut, error)))
    return NULL;
  self->dates_cut += dates_cut;

  document = bson_new ();
  reader = bson_json_data_reader_new (true, 0);
  bson_json_data_reader_ingest (reader, (const guint8 *) prepared->str, prepared->len);
  found = bson_json_reader_read (reader, document, &what);
  more = found == 1 ? bson_json_reader_read (reader, &rest, &what) : 0;
  bson_json_reader_destroy (reader);
  g_string_free (prepared, TRUE);
  bson_destroy (&rest);
  if (found == 0)
    return invalid (error, "the text ends before the document does");
  if (found < 0)
    return invalid (error, what.message);
  if (more != 0)
    return invalid (error, "there is more text after the document");
  return check_document (g_steal_pointer (&document), error);
}

static gboolean
next_line (MongoReader *reader, const guint8 **line, gsize *size)
{
  while (reader->size) {
    const guint8 *end = memchr (reader->data, '\n', reader->size);
    gsize length = end ? (gsize) (end - reader->data) : reader->size;
    gboolean blank = TRUE;

    *line = reader->data;
    *size = length;
    length += end ? 1 : 0;
    reader->data += length;
    reader->size -= length;
    for (gsize i = 0; i < *size && blank; i++)
      blank = g_ascii_isspace ((*line)[i]);
    if (!blank)
      return TRUE;
  }
  return FALSE;
}

/* A struct around a bson_iter_t, because an array of plain bson_iter_t would be misaligned. */
typedef struct {
  bson_iter_t at;
} Level;

/* Finds the bytes of the document, the array or the scope of code that @at holds. Returns FALSE if
 * @at holds a value of another type. */
static gboolean
find_child (bson_iter_t *at, const uint8_t **child, uint32_t *size)
{
  uint32_t code_size;

  if (BSON_ITER_HOLDS_DOCUMENT (at))
    bson_iter_document (at, size, child);
  else if (BSON_ITER_HOLDS_ARRAY (at))
    bson_iter_array (at, size, child);
  else if (BSON_ITER_HOLDS_CODEWSCOPE (at))
    bson_iter_codewscope (at, &code_size, size, child);
  else
    return FALSE;
  return TRUE;
}

/* Returns: (nullable): an error if the document is nested too deeply, or the length of an embedded
 * document is wrong; %NULL if neither is the case. To be called before libbson validates the
 * document, because libbson validates by recursion, and skips embedded documents whose length is
 * wrong. */
static const gchar *
check_levels (const bson_t *document)
{
  Level levels[LEVELS_MAX];
  const uint8_t *child;
  uint32_t size;
  guint depth = 1;

  if (!bson_iter_init (&levels[0].at, document))
    return NULL;
  while (depth) {
    if (!bson_iter_next (&levels[depth - 1].at)) {
      depth--;
    } else if (find_child (&levels[depth - 1].at, &child, &size)) {
      if (depth == LEVELS_MAX)
        return "the BSON has more than 200 levels";
      if (!bson_iter_init_from_data (&levels[depth].at, child, size))
        return "the length of an embedded document is wrong";
      depth++;
    }
  }
  return NULL;
}

static bson_t *
next_bson (MongoReader *reader, GError **error)
{
  const guint8 *data = reader->data;
  gsize size = reader->size;
  guint32 length = 0;
  const gchar *wrong;
  bson_t *document;

  reader->size = 0;
  if (size >= sizeof length)
    memcpy (&length, data, sizeof length);
  length = GUINT32_FROM_LE (length);
  if (length > MONGO_DOCUMENT_MAX)
    return invalid (error, "the BSON says it is larger than MongoDB's limit of 16 MiB");
  if (length < 5 || length > size)
    return invalid (error, "the BSON is truncated or invalid");
  if (!(document = bson_new_from_data (data, length)))
    return invalid (error, "the BSON's length is wrong");
  reader->data = data + length;
  reader->size = size - length;
  if (!(wrong = check_levels (document)))
    return check_document (document, error);
  bson_destroy (document);
  return invalid (error, wrong);
}

gboolean
mongo_reader_next (MongoReader *reader, bson_t **document, GError **error)
{
  *document = NULL;
  if (!reader->data)
    return FALSE;
  reader->text = reader->data;
  reader->text_size = reader->size;
  switch (reader->format) {
    case MONGO_FORMAT_JSON:
      reader->data = NULL;
      *document = parse_json (reader, error);
      return TRUE;
    case MONGO_FORMAT_JSON_LINES:
      if (!next_line (reader, &reader->text, &reader->text_size))
        return FALSE;
      *document = parse_json (reader, error);
      return TRUE;
    case MONGO_FORMAT_BSON:
      if (!reader->size)
        return FALSE;
      *document = next_bson (reader, error);
      /* if both are equal, the start of the next document isn't known */
      if (reader->data != reader->text)
        reader->text_size = reader->data - reader->text;
      return TRUE;
  }
  g_return_val_if_reached (FALSE);
}

static gsize
count_whole_lines (const guint8 *data, gsize size, gsize searched)
{
  gsize whole = size;

  while (whole > searched && data[whole - 1] != '\n')
    whole--;
  if (whole == searched)
    whole = 0;
  return size - whole > MONGO_JSON_MAX ? size : whole;
}

static gsize
count_whole_bson (const guint8 *data, gsize size)
{
  gsize whole = 0;
  guint32 length;

  while (size - whole >= sizeof length) {
    memcpy (&length, data + whole, sizeof length);
    length = GUINT32_FROM_LE (length);
    if (length < 5 || length > MONGO_DOCUMENT_MAX)
      return size;
    if (length > size - whole)
      break;
    whole += length;
  }
  return whole;
}

gsize
mongo_reader_count_whole (MongoFormat format, const guint8 *data, gsize size, gsize searched)
{
  switch (format) {
    case MONGO_FORMAT_JSON_LINES:
      return count_whole_lines (data, size, searched);
    case MONGO_FORMAT_BSON:
      return count_whole_bson (data, size);
    default:
      return size;
  }
}

bson_t *
mongo_document_ensure_id (bson_t *document, const gchar *id)
{
  bson_t *with_id;
  bson_oid_t oid;

  if (bson_has_field (document, "_id"))
    return document;
  with_id = bson_sized_new (document->len + 64);
  if (id) {
    BSON_APPEND_UTF8 (with_id, "_id", id);
  } else {
    bson_oid_init (&oid, NULL);
    BSON_APPEND_OID (with_id, "_id", &oid);
  }
  bson_concat (with_id, document);
  bson_destroy (document);
  return with_id;
}

gboolean
mongo_document_has_date (const bson_t *document, const gchar *path)
{
  bson_iter_t iter, value, entry;
  gboolean found =
      bson_iter_init (&iter, document) && bson_iter_find_descendant (&iter, path, &value);

  if (!found || !BSON_ITER_HOLDS_ARRAY (&value) || !bson_iter_recurse (&value, &entry))
    return found && BSON_ITER_HOLDS_DATE_TIME (&value);
  while (bson_iter_next (&entry))
    if (BSON_ITER_HOLDS_DATE_TIME (&entry))
      return TRUE;
  return FALSE;
}

GBytes *
mongo_document_get_id (const bson_t *document)
{
  bson_t id = BSON_INITIALIZER;
  bson_iter_t iter;
  GBytes *bytes;

  if (bson_iter_init_find (&iter, document, "_id"))
    BSON_APPEND_VALUE (&id, "_id", bson_iter_value (&iter));
  bytes = g_bytes_new (bson_get_data (&id), id.len);
  bson_destroy (&id);
  return bytes;
}

const gchar *
mongo_document_find_path (const bson_t *document)
{
  bson_iter_t iter;

  if (!bson_iter_init (&iter, document))
    return NULL;
  while (bson_iter_next (&iter))
    if (strchr (bson_iter_key (&iter), '.') || *bson_iter_key (&iter) == '$' ||
        !*bson_iter_key (&iter))
      return bson_iter_key (&iter);
  return NULL;
}

/* Returns TRUE if a server would treat the `_id` in a query as a condition, which could match other
 * documents too. */
static gboolean
is_condition (const bson_iter_t *id)
{
  bson_iter_t field;

  return BSON_ITER_HOLDS_REGEX (id) ||
         (BSON_ITER_HOLDS_DOCUMENT (id) && bson_iter_recurse (id, &field) &&
             bson_iter_next (&field) && *bson_iter_key (&field) == '$');
}

bson_t *
mongo_document_to_selector (const bson_t *document)
{
  bson_t *selector = bson_new ();
  bson_iter_t id;
  bson_t condition;

  if (!bson_iter_init_find (&id, document, "_id"))
    return selector;
  if (!is_condition (&id)) {
    BSON_APPEND_VALUE (selector, "_id", bson_iter_value (&id));
    return selector;
  }
  BSON_APPEND_DOCUMENT_BEGIN (selector, "_id", &condition);
  BSON_APPEND_VALUE (&condition, "$eq", bson_iter_value (&id));
  bson_append_document_end (selector, &condition);
  return selector;
}

bson_t *
mongo_document_to_update (const bson_t *document)
{
  bson_t *update = bson_new ();
  bson_t fields = BSON_INITIALIZER;

  bson_copy_to_excluding_noinit (document, &fields, "_id", NULL);
  /* If the document has no field but `_id`, $setOnInsert takes the place of an empty $set, which
   * older servers refuse. */
  BSON_APPEND_DOCUMENT (update, bson_empty (&fields) ? "$setOnInsert" : "$set",
      bson_empty (&fields) ? document : &fields);
  bson_destroy (&fields);
  return update;
}
