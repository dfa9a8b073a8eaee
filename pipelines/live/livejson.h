/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* These functions add a member to the JSON object that the builder @json has open. */
void live_json_text (JsonBuilder *json, const gchar *name, const gchar *value); /* NULL: null */
void live_json_int (JsonBuilder *json, const gchar *name, gint64 value);
void live_json_time (JsonBuilder *json, const gchar *name, gint64 ms);       /* 0: null */
void live_json_number (JsonBuilder *json, const gchar *name, gdouble value); /* NAN: null */
void live_json_flag (JsonBuilder *json, const gchar *name, gboolean value);
/* Begins the member @name, an object or a list, whose contents are added next. */
void live_json_open_object (JsonBuilder *json, const gchar *name);
void live_json_open_list (JsonBuilder *json, const gchar *name);
/* Adds @value to the list that @json has open; NAN becomes null. */
void live_json_item (JsonBuilder *json, gdouble value);

/* Returns a new builder whose root object is open. */
JsonBuilder *live_json_new (void);
/* Ends the root object, and frees the builder. Returns: (transfer full): the JSON text. */
GBytes *live_json_end (JsonBuilder *json);

G_END_DECLS
