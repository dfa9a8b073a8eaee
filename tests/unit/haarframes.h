/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>
#include <json-glib/json-glib.h>

#include "fogreport.h"
#include "gstkafkameta.h"
#include "haarstump.h"

/* Helpers for tests of haarfacecount: frames with one window of HAAR_STUMP, whose "face" is bright
 * on the left. */

#define SIDE HAAR_STUMP_SIDE
/* Of one window of HAAR_STUMP, as events have it. */
#define SCORE 0.059

/* A directory of the test's own with the cascade in it. */
extern gchar *dir, *cascade;
extern gint acks_done, acks_undecided;

GstElement *make_element (void);
void set_caps (GstHarness *h, gint width, gint height);
GstHarness *make_harness (GstElement *element, const gchar *src);
void end_harness (GstHarness *h, GstElement *element);
void paint (guint8 *data, gint stride, gboolean face);
GstBuffer *make_frame (gboolean face, guint n);
/* A picture of 320x64 with two places where a face may appear: at 16,16 and at 272,16. */
GstBuffer *make_scene (gboolean left, gboolean right, guint n);
/* A frame as if from Kafka; acks_done and acks_undecided count the outcome of its token. */
GstBuffer *make_acked_frame (gboolean face, guint n);
JsonObject *parse (JsonParser *parser, GstBuffer *buffer);
guint64 get_stat (GstElement *element, const gchar *name);
/* Reads the pending events. */
void await_end (GstHarness *h);
/* Waits until all pushed frames have come out. */
void finish (GstHarness *h);
void haar_frames_setup (void);
void haar_frames_teardown (void);
/* A padded picture with a face in one corner. */
GstBuffer *make_padded_frame (void);
/* (transfer full): the next buffer. */
FogReport *pull_report (GstHarness *rate);
/* A probe: for good. */
GstPadProbeReturn block (GstPad *pad, GstPadProbeInfo *info, gpointer user_data);
void expect_warning (GstBus *bus, GQuark domain, gint code);
