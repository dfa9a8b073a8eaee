/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>

#include "mongomock.h"

/* Counts the outcomes of a test's messages: its buffers were made from them. */
typedef struct {
  gint done, failed, undecided; /* atomic */
} Ledger;

/* A mongosink that works with a mock server. */
typedef struct {
  MongoMock *mock;
  GstHarness *h;
  GstBus *bus;
  Ledger ledger;
} Fixture;

/* Makes a buffer as kafkasrc does: of topic t, partition 3. */
GstBuffer *new_message (const gchar *text, Ledger *ledger, gint64 offset);
GstBuffer *new_text (const gchar *text);

/* Makes a sink with the properties in @settings. The function takes ownership of the mock
 * server. */
void setup (Fixture *f, MongoMock *mock, const gchar *settings, const gchar *caps);
void teardown (Fixture *f);

/* Sends EOS and waits until the sink posts it. */
void finish (Fixture *f);

guint64 get_stat (Fixture *f, const gchar *name);
void assert_stat (Fixture *f, const gchar *name, guint64 expected);
/* Checks the numbers of outcomes, and that no message is undecided. */
void assert_acks (Fixture *f, gint done, gint failed);
/* Returns: (nullable): the document as relaxed JSON. @id: the document's _id as JSON, with strings
 * quoted. */
void assert_stored (Fixture *f, const gchar *id, const gchar *expected);
/* Returns the last command of this name as relaxed JSON. */
void assert_asked (Fixture *f, const gchar *command, const gchar *part);
void assert_stops_soon (Fixture *f);
