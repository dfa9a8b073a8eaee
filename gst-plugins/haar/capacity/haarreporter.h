/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A thread that calls a function to make a report in every interval, and on request. The function
 * may wait for the element behind the pad, so it is never called from the thread of the frames. */
typedef struct _HaarReporter HaarReporter;

typedef enum {
  /* there is no report yet: an element that waits for the first one may stop waiting */
  HAAR_REPORTER_BEGIN,
  HAAR_REPORTER_REPORT,
  HAAR_REPORTER_LEAVE, /* the last report of the stream */
} HaarReporterCall;

typedef void (*HaarReporterFunc) (HaarReporterCall call, gpointer user_data);

/* Returns: (nullable): the reporter; NULL if the system gives no thread. */
HaarReporter *haar_reporter_new (
    GstClockTime interval, HaarReporterFunc func, gpointer user_data, GError **error);
/* Waits until a running call has returned. */
void haar_reporter_free (HaarReporter *reporter);

void haar_reporter_set_interval (HaarReporter *reporter, GstClockTime interval);
/* Calls HAAR_REPORTER_BEGIN once. */
void haar_reporter_begin (HaarReporter *reporter);
/* HAAR_REPORTER_REPORT is called only while running. */
void haar_reporter_set_running (HaarReporter *reporter, gboolean running);
/* Calls HAAR_REPORTER_REPORT now. */
void haar_reporter_wake (HaarReporter *reporter);
/* Calls HAAR_REPORTER_LEAVE now, once until haar_reporter_resume(). After that call there are no
 * more calls. */
void haar_reporter_finish (HaarReporter *reporter);
/* Waits until that call has returned, if it was requested. FALSE: it hasn't within @timeout
 * (us). */
gboolean haar_reporter_wait_finished (HaarReporter *reporter, gint64 timeout);
/* Calls again after haar_reporter_finish(). */
void haar_reporter_resume (HaarReporter *reporter);

G_END_DECLS
