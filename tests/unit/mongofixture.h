/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>

#include "mongomock.h"

/* Numbers of a test's messages with each outcome of their ack tokens. */
typedef struct {
  gint done, failed, undecided; /* atomic */
} Ledger;

/* A mongosink in a harness, with a mock server. */
typedef struct {
  MongoMock *mock;
  GstHarness *h;
  GstBus *bus;
  Ledger ledger;
} Fixture;

/* Makes a buffer as kafkasrc does, from a message of topic t, partition 3, with an ack token that
 * counts in @ledger. */
GstBuffer *new_message (const gchar *text, Ledger *ledger, gint64 offset);
GstBuffer *new_text (const gchar *text);

/* Starts a sink with the properties in @settings, and takes ownership of @mock. */
void setup (Fixture *f, MongoMock *mock, const gchar *settings, const gchar *caps);
void teardown (Fixture *f);

/* Sends EOS, and waits until the sink posts EOS on the bus. */
void finish (Fixture *f);

guint64 get_stat (Fixture *f, const gchar *name);
void assert_stat (Fixture *f, const gchar *name, guint64 expected);
/* Checks how many messages were marked done and failed, and that none was released undecided. */
void assert_acks (Fixture *f, gint done, gint failed);
/* Checks the stored document with the `_id` @id (JSON, so strings are quoted) against @expected
 * (relaxed JSON, or NULL if it must not be stored). */
void assert_stored (Fixture *f, const gchar *id, const gchar *expected);
/* Checks that the last command of the name @command (as relaxed JSON) contains @part. */
void assert_asked (Fixture *f, const gchar *command, const gchar *part);
void assert_stops_soon (Fixture *f);
