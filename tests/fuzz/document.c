/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes documents in the three formats of mongosink; the first byte of the input chooses the
 * format. A document that is read must be valid BSON, and is given to the functions that mongosink
 * applies to documents. */
#include "document/mongodocument.h"
#include "fuzz.h"

static void
use (bson_t *document)
{
  g_autoptr (bson_t) whole = mongo_document_ensure_id (document, "t:0:1");
  g_autoptr (bson_t) selector = mongo_document_to_selector (whole);
  g_autoptr (bson_t) update = mongo_document_to_update (whole);
  g_autoptr (GBytes) id = mongo_document_get_id (whole);

  g_assert_true (bson_validate (whole, BSON_VALIDATE_NONE, NULL));
  g_assert_true (bson_has_field (whole, "_id") && id && selector && update);
  mongo_document_has_date (whole, "a.b");
  mongo_document_find_path (whole);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  MongoReader reader = {0};
  bson_t *document = NULL;
  g_autoptr (GError) error = NULL;

  if (size == 0)
    return 0;
  reader.format = data[0] % 3;
  reader.data = reader.start = data + 1;
  reader.size = size - 1;
  g_assert_cmpuint (
      mongo_reader_count_whole (reader.format, reader.data, reader.size, 0), <=, reader.size);
  while (mongo_reader_next (&reader, &document, &error)) {
    g_assert_true ((document != NULL) != (error != NULL));
    if (document)
      use (document);
    document = NULL;
    g_clear_error (&error);
  }
  return 0;
}
