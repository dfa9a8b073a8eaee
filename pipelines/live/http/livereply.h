/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A viewer's request, and the reply. */

typedef struct {
  gchar *query;       /* query of the URI, encoded; "" if there is none */
  GBytes *body;       /* the body of a POST; NULL otherwise */
  gchar *etag;        /* nullable: ETag of the version that the viewer already has */
  GCancellable *gone; /* nullable: cancelled when the viewer leaves before the answer */
} LiveRequest;

typedef struct {
  guint status;
  const gchar *type; /* the body's content type; static */
  GBytes *body;      /* nullable */
  gchar *etag;       /* nullable */
  gchar *notes;      /* nullable: sentences that say what is missing in the body */
} LiveReply;

void live_request_clear (LiveRequest *request);
/* Returns: (nullable) (transfer full): the value of the field @name in @form, which is a query or
 * the body of a form. */
gchar *live_form_get (const gchar *form, const gchar *name);
/* Reads the field @name of @form as a whole number from @min to @max. Returns FALSE if the field is
 * missing or isn't such a number. */
gboolean live_form_get_int (
    const gchar *form, const gchar *name, gint64 min, gint64 max, gint64 *value);

/* @json: (transfer full) */
LiveReply live_reply_json (GBytes *json);
/* Makes a reply `{"error":…}` with a sentence for users. */
LiveReply live_reply_error (guint status, const gchar *format, ...) G_GNUC_PRINTF (2, 3);
LiveReply live_reply_text (guint status, const gchar *text);
void live_reply_clear (LiveReply *reply);

G_END_DECLS
