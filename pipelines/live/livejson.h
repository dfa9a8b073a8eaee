/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Functions that add members to the object that a builder is in. */
void live_json_text (JsonBuilder *json, const gchar *name, const gchar *value); /* NULL: null */
void live_json_int (JsonBuilder *json, const gchar *name, gint64 value);
void live_json_time (JsonBuilder *json, const gchar *name, gint64 ms);       /* 0: null */
void live_json_number (JsonBuilder *json, const gchar *name, gdouble value); /* NAN: null */
void live_json_flag (JsonBuilder *json, const gchar *name, gboolean value);
/* The member @name is an object or a list that follows. */
void live_json_open_object (JsonBuilder *json, const gchar *name);
void live_json_open_list (JsonBuilder *json, const gchar *name);
/* The next value of a list; NAN: null. */
void live_json_item (JsonBuilder *json, gdouble value);

/* Returns a builder within its root object. */
JsonBuilder *live_json_new (void);
/* Ends the root object, and frees the builder. Returns: (transfer full): the text. */
GBytes *live_json_end (JsonBuilder *json);

G_END_DECLS
