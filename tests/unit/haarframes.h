/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>
#include <json-glib/json-glib.h>

#include "fogreport.h"
#include "gstkafkameta.h"
#include "haarstump.h"

/* What tests of haarfacecount share: frames of one window of HAAR_STUMP, whose
 * "face" is bright on the left. */

#define SIDE HAAR_STUMP_SIDE

/* A directory of the test's own, and the cascade in it. */
extern gchar *dir, *cascade;
extern gint acks_done, acks_undecided;

GstElement *make_element (void);
void set_caps (GstHarness *h, gint width, gint height);
GstHarness *make_harness (GstElement *element, const gchar *src);
void end_harness (GstHarness *h, GstElement *element);
void paint (guint8 *data, gint stride, gboolean face);
GstBuffer *make_frame (gboolean face, guint n);
/* From Kafka: what becomes of it is counted in acks_done and acks_undecided. */
GstBuffer *make_acked_frame (gboolean face, guint n);
JsonObject *parse (JsonParser *parser, GstBuffer *buffer);
guint64 get_stat (GstElement *element, const gchar *name);
/* Takes the events up to the end. */
void await_end (GstHarness *h);
/* All that was pushed has come through. */
void finish (GstHarness *h);
void haar_frames_setup (void);
void haar_frames_teardown (void);
/* A padded picture with the face in a corner of it. */
GstBuffer *make_padded_frame (void);
/* (transfer full): the next that comes. */
FogReport *pull_report (GstHarness *rate);
/* A probe: for good. */
GstPadProbeReturn block (GstPad *pad, GstPadProbeInfo *info, gpointer user_data);
void expect_warning (GstBus *bus, GQuark domain, gint code);
