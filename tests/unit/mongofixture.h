/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>

#include "mongomock.h"

/* What became of the messages that buffers were made from. */
typedef struct {
  gint done, failed, undecided; /* atomic */
} Ledger;

/* A mongosink at work on a scripted server. */
typedef struct {
  MongoMock *mock;
  GstHarness *h;
  GstBus *bus;
  Ledger ledger;
} Fixture;

/* As kafkasrc makes it: of topic t, partition 3. */
GstBuffer *new_message (const gchar *text, Ledger *ledger, gint64 offset);
GstBuffer *new_text (const gchar *text);

/* A sink with the properties in @settings; takes over the mock. */
void setup (Fixture *f, MongoMock *mock, const gchar *settings, const gchar *caps);
void teardown (Fixture *f);

/* Sends EOS and waits for the sink to post it. */
void finish (Fixture *f);

guint64 get_stat (Fixture *f, const gchar *name);
void assert_stat (Fixture *f, const gchar *name, guint64 expected);
/* What the ledger was told; nothing undecided. */
void assert_acks (Fixture *f, gint done, gint failed);
/* @id as JSON, strings quoted; the document as relaxed JSON, or NULL. */
void assert_stored (Fixture *f, const gchar *id, const gchar *expected);
/* What the last command of this name had in it, as relaxed JSON. */
void assert_asked (Fixture *f, const gchar *command, const gchar *part);
void assert_stops_soon (Fixture *f);
