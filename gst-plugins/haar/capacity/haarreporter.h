/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A thread that calls a function to make a report in every interval, and on request. The function
 * may wait for the element behind the pad, so it is never called from the streaming thread of the
 * frames. */
typedef struct _HaarReporter HaarReporter;

typedef enum {
  /* a run has begun and there is no report yet: a sink that waits for its first buffer may stop
   * waiting */
  HAAR_REPORTER_BEGIN,
  HAAR_REPORTER_REPORT,
  HAAR_REPORTER_LEAVE, /* the last report of the stream */
} HaarReporterCall;

typedef void (*HaarReporterFunc) (HaarReporterCall call, gpointer user_data);

/* Returns: (nullable): the reporter; NULL if the system gives no thread. */
HaarReporter *haar_reporter_new (
    GstClockTime interval, HaarReporterFunc func, gpointer user_data, GError **error);
/* Frees the reporter, after waiting until a call that is being made has returned. */
void haar_reporter_free (HaarReporter *reporter);

void haar_reporter_set_interval (HaarReporter *reporter, GstClockTime interval);
/* Calls HAAR_REPORTER_BEGIN once. */
void haar_reporter_begin (HaarReporter *reporter);
/* The call HAAR_REPORTER_REPORT is made only while @running is TRUE. */
void haar_reporter_set_running (HaarReporter *reporter, gboolean running);
/* Calls HAAR_REPORTER_REPORT now. */
void haar_reporter_wake (HaarReporter *reporter);
/* Makes the call HAAR_REPORTER_LEAVE now, after which no calls are made until
 * haar_reporter_resume(). */
void haar_reporter_finish (HaarReporter *reporter);
/* Waits until the call HAAR_REPORTER_LEAVE has returned, if haar_reporter_finish() requested it.
 * Returns FALSE if the call hasn't returned within @timeout (us). */
gboolean haar_reporter_wait_finished (HaarReporter *reporter, gint64 timeout);
/* Calls again after haar_reporter_finish(). */
void haar_reporter_resume (HaarReporter *reporter);

G_END_DECLS
