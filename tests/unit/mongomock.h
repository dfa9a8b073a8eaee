/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <gio/gio.h>

/* A mock server on loopback, for replies that a real server can't be made to give. It implements
 * only as much of MongoDB's wire protocol as mongosink uses. */
typedef struct _MongoMock MongoMock;

MongoMock *mongo_mock_new (void);
void mongo_mock_free (MongoMock *mock);
/* mongodb://[user]localhost:port; @user as "name:password@", or "". */
gchar *mongo_mock_uri (MongoMock *mock, const gchar *user);

/* Scripts the reply (Extended JSON) to the next insert or update that has no scripted reply yet:
 * the documents that the reply doesn't refuse are stored. With the reply "" all documents are
 * stored, and the connection is closed. An update stores its change in place of the document.
 * Whatever is scripted, a write with a document that has a field `poison` stores nothing and closes
 * the connection, and a write with a document that has a field `breaks` is an internal error (code
 * 1). If no reply is scripted, a document with a field `refused` is refused with the field's value
 * as the code. */
void mongo_mock_script (MongoMock *mock, const gchar *reply);
/* Scripts the reply to every further command of the name @command, which is no write. Without it
 * the reply is a plain ok, an empty list, or the stored document. */
void mongo_mock_answer (MongoMock *mock, const gchar *command, const gchar *reply);
/* Returns: (nullable) (transfer full): the last command of the name @command as relaxed JSON,
 * without the documents of a write. */
gchar *mongo_mock_last (MongoMock *mock, const gchar *command);
/* Makes every further write take @write_ms, plus @document_ms for each of its documents, even if
 * the client has disconnected. */
void mongo_mock_slow_down (MongoMock *mock, guint write_ms, guint document_ms);
/* If @frozen, the server accepts connections and requests, but sends no reply. */
void mongo_mock_freeze (MongoMock *mock, gboolean frozen);

guint mongo_mock_stored (MongoMock *mock);
guint mongo_mock_inserts (MongoMock *mock); /* and updates */
/* Returns the largest number of writes that were under way at the same time. */
guint mongo_mock_most_at_once (MongoMock *mock);
/* Returns: (nullable) (transfer full): the stored document with the `_id` @id (JSON, so strings are
 * quoted) as relaxed JSON. */
gchar *mongo_mock_find (MongoMock *mock, const gchar *id);
/* Waits until the server has got @inserts inserts and updates. Returns FALSE if it hasn't after ten
 * seconds. */
gboolean mongo_mock_wait_inserts (MongoMock *mock, guint inserts);
