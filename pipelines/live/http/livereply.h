/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What a viewer asks for, and gets. */

typedef struct {
  gchar *query; /* of the URI, encoded; "" if there is none */
  GBytes *body; /* of a POST; NULL otherwise */
  gchar *etag;  /* nullable: what the viewer has already */
} LiveRequest;

typedef struct {
  guint status;
  const gchar *type; /* of the body; static */
  GBytes *body;      /* nullable */
  gchar *etag;       /* nullable */
} LiveReply;

void live_request_clear (LiveRequest *request);
/* (nullable) (transfer full): the value of a field of the query, or of a form. */
gchar *live_form_get (const gchar *form, const gchar *name);
/* The field as a whole number from @min to @max; FALSE: it isn't there, or is none. */
gboolean live_form_get_int (
    const gchar *form, const gchar *name, gint64 min, gint64 max, gint64 *value);

/* @json: (transfer full) */
LiveReply live_reply_json (GBytes *json);
/* A sentence for a person, in `{"error":…}`. */
LiveReply live_reply_error (guint status, const gchar *format, ...) G_GNUC_PRINTF (2, 3);
LiveReply live_reply_text (guint status, const gchar *text);
void live_reply_clear (LiveReply *reply);

G_END_DECLS
