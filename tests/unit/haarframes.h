/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>
#include <json-glib/json-glib.h>

#include "fogreport.h"
#include "gstkafkameta.h"
#include "haarstump.h"

/* Helper functions for tests of haarfacecount. Their frames are as large as one window of the
 * cascade HAAR_STUMP, for which a face is a picture that is bright on the left. */

#define SIDE HAAR_STUMP_SIDE
/* The score, as events contain it, of the face in a frame that is one window of HAAR_STUMP. */
#define SCORE 0.059

/* A temporary directory of the test, and the path of the cascade file in it. */
extern gchar *dir, *cascade;
extern gint acks_done, acks_undecided;

GstElement *make_element (void);
void set_caps (GstHarness *h, gint width, gint height);
GstHarness *make_harness (GstElement *element, const gchar *src);
void end_harness (GstHarness *h, GstElement *element);
void paint (guint8 *data, gint stride, gboolean face);
GstBuffer *make_frame (gboolean face, guint n);
/* Makes a picture of 320x64 pixels, with a face at (16, 16) if @left, and one at (272, 16) if
 * @right. */
GstBuffer *make_scene (gboolean left, gboolean right, guint n);
/* Makes a frame with an ack token, as kafkasrc does. acks_done and acks_undecided count the
 * outcomes of these frames' tokens. */
GstBuffer *make_acked_frame (gboolean face, guint n);
JsonObject *parse (JsonParser *parser, GstBuffer *buffer);
guint64 get_stat (GstElement *element, const gchar *name);
/* Reads the events of the harness until EOS. */
void await_end (GstHarness *h);
/* Waits until all pushed frames have left the element. */
void finish (GstHarness *h);
void haar_frames_setup (void);
void haar_frames_teardown (void);
/* Makes a padded picture with a face in one corner. */
GstBuffer *make_padded_frame (void);
/* Returns: (transfer full): the next report. */
FogReport *pull_report (GstHarness *rate);
/* A pad probe that blocks the pad for good. */
GstPadProbeReturn block (GstPad *pad, GstPadProbeInfo *info, gpointer user_data);
void expect_warning (GstBus *bus, GQuark domain, gint code);
