/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <gio/gio.h>

/* A mock server on loopback that implements just enough of MongoDB's wire protocol for inserts and
 * pings, for replies that a real server can't be made to give. */
typedef struct _MongoMock MongoMock;

MongoMock *mongo_mock_new (void);
void mongo_mock_free (MongoMock *mock);
/* mongodb://[user]localhost:port; @user as "name:password@", or "". */
gchar *mongo_mock_uri (MongoMock *mock, const gchar *user);

/* The next insert or update gets this reply (Extended JSON) and stores what it doesn't refuse; ""
 * closes the connection instead, after storing everything. Replies queue up. An update puts what it
 * says in place of the document. A document with a field `poison` closes the connection, always,
 * and nothing is stored. A document with a field `refused` is refused with its value as the code,
 * unless a reply is scripted. One with a field `breaks` makes the whole write an internal error
 * (code 1), always. */
void mongo_mock_script (MongoMock *mock, const gchar *reply);
/* Every command of this name that writes nothing gets this reply, instead of a plain ok, an empty
 * list, or the stored document. */
void mongo_mock_answer (MongoMock *mock, const gchar *command, const gchar *reply);
/* Returns: (nullable) (transfer full): the last command of this name as relaxed JSON, without the
 * documents of a write. */
gchar *mongo_mock_last (MongoMock *mock, const gchar *command);
/* From now on a write takes this long, plus a time for each of its documents, even if the client
 * has disconnected. */
void mongo_mock_slow_down (MongoMock *mock, guint write_ms, guint document_ms);
/* The server accepts connections and requests, but sends no reply. */
void mongo_mock_freeze (MongoMock *mock, gboolean frozen);

guint mongo_mock_stored (MongoMock *mock);
guint mongo_mock_inserts (MongoMock *mock); /* and updates */
/* Returns the largest number of writes at the same time. */
guint mongo_mock_most_at_once (MongoMock *mock);
/* Returns: (nullable) (transfer full): the document as relaxed JSON; @id as JSON, strings
 * quoted. */
gchar *mongo_mock_find (MongoMock *mock, const gchar *id);
/* Waits for @inserts. Returns FALSE after ten seconds. */
gboolean mongo_mock_wait_inserts (MongoMock *mock, guint inserts);
