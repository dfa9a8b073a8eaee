/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsnotice.h"

G_BEGIN_DECLS

/* Requests that one target gets at a time. */
#define ALERTS_WEBHOOK_CONNECTIONS 4

typedef enum {
  ALERTS_SENT,
  ALERTS_FAILED,  /* another attempt may succeed */
  ALERTS_REFUSED, /* further attempts would be refused, too */
} AlertsOutcome;

/* Called when sending a notice has ended. @why: (nullable): what went wrong; @wait: time (ms) for
 * which the target has asked not to try again; 0: it hasn't asked */
typedef void (*AlertsAnswered) (
    AlertsOutcome outcome, const gchar *why, gint64 wait, gpointer data);

/* Posts notices to the address of a target by HTTP. */
typedef struct _AlertsWebhook AlertsWebhook;

/* Keeps a pointer to @target. @error: the target's ca-file can't be read */
AlertsWebhook *alerts_webhook_new (const AlertsTarget *target, GError **error);
/* Cancels the pending requests, and frees the object. The callbacks of these requests run before
 * this function returns. */
void alerts_webhook_free (AlertsWebhook *self);
/* Posts a notice. @answered is called from the main loop, after the target's timeout at the
 * latest. */
void alerts_webhook_send (
    AlertsWebhook *self, const AlertsNotice *notice, AlertsAnswered answered, gpointer data);

/* Returns the outcome that an HTTP status means. */
AlertsOutcome alerts_webhook_judge (guint status);
/* (transfer full): as in Standard Webhooks: `v1,` and the Base64 of the HMAC-SHA256 of
 * `KEY.TIME.BODY`. @time: s since the Unix epoch */
gchar *alerts_webhook_sign (GBytes *secret, const gchar *key, gint64 time, const gchar *body);
/* Returns the time in ms that a header Retry-After asks for, at most an hour. @text: (nullable);
 * @now: s since the Unix epoch */
gint64 alerts_webhook_read_wait (const gchar *text, gint64 now);

G_END_DECLS
