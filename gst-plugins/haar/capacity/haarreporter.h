/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A thread that calls for a report in every interval, and between whenever it is asked to. Reports wait for
 * whoever reads them, so they never come from the thread that frames come from. */
typedef struct _HaarReporter HaarReporter;

typedef enum {
  HAAR_REPORTER_BEGIN, /* no report yet: whoever waits for one to start may know that none is due */
  HAAR_REPORTER_REPORT, /* a report */
  HAAR_REPORTER_LEAVE,  /* the last: nothing will be counted any more */
} HaarReporterCall;

typedef void (*HaarReporterFunc) (HaarReporterCall call, gpointer user_data);

/* (nullable): the system gives no thread. */
HaarReporter *haar_reporter_new (
    GstClockTime interval, HaarReporterFunc func, gpointer user_data, GError **error);
/* Waits for a call that is on to end. */
void haar_reporter_free (HaarReporter *reporter);

void haar_reporter_set_interval (HaarReporter *reporter, GstClockTime interval);
/* Calls HAAR_REPORTER_BEGIN once. */
void haar_reporter_begin (HaarReporter *reporter);
/* Only while it's running does it call, but for the last time. */
void haar_reporter_set_running (HaarReporter *reporter, gboolean running);
/* A report now. */
void haar_reporter_wake (HaarReporter *reporter);
/* The last report now, if there was none since the last haar_reporter_resume(). */
void haar_reporter_finish (HaarReporter *reporter);
/* Waits until the last report is out, if haar_reporter_finish() has asked for it. FALSE: it isn't within @timeout (us). */
gboolean haar_reporter_wait_finished (HaarReporter *reporter, gint64 timeout);
void haar_reporter_resume (HaarReporter *reporter);

G_END_DECLS
