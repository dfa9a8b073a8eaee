/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livecontrol.h"

#include <gio/gio.h>
#include <string.h>

#include "fogjson.h"
#include "livejson.h"

struct _LiveControl {
  LiveModel *model;
  GSocketConnection *connection;
  GDataInputStream *lines;
  GCancellable *ended;
  JsonNode *actions; /* list of the offered actions; NULL: none offered yet */
};

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

/* --- what comes --- */

static void
set_actions (LiveControl *self, JsonNode *actions)
{
  g_clear_pointer (&self->actions, json_node_unref);
  self->actions = actions ? json_node_copy (actions) : NULL;
  live_model_set_actions (self->model, actions);
}

static void
take_line (LiveControl *self, const gchar *line, gsize size)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *object = fog_json_parse_object (parser, line, size, &error);
  JsonNode *actions = object ? json_object_get_member (object, "actions") : NULL;
  const gchar *said = object ? fog_json_read_string (object, "said") : NULL;

  if (!object)
    g_message ("control: %s", error->message);
  if (actions && JSON_NODE_HOLDS_ARRAY (actions))
    set_actions (self, actions);
  if (said)
    live_model_note (self->model, said, now_ms ());
}

static void
note_line (GObject *lines, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  gsize size = 0;
  g_autofree gchar *line =
      g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (lines), result, &size, &error);
  LiveControl *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* it is freed */
  if (!line) {
    set_actions (self, NULL);
    return;
  }
  take_line (self, line, size);
  g_data_input_stream_read_line_async (
      self->lines, G_PRIORITY_DEFAULT, self->ended, note_line, self);
}

/* --- life --- */

LiveControl *
live_control_new (gint descriptor, LiveModel *model, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (descriptor, error);
  LiveControl *self;

  if (!socket) {
    g_prefix_error (error, "--control takes the descriptor of a connected socket: ");
    return NULL;
  }
  self = g_new0 (LiveControl, 1);
  self->model = model;
  self->connection = g_socket_connection_factory_create_connection (socket);
  self->lines =
      g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (self->connection)));
  self->ended = g_cancellable_new ();
  g_data_input_stream_read_line_async (
      self->lines, G_PRIORITY_DEFAULT, self->ended, note_line, self);
  return self;
}

void
live_control_free (LiveControl *self)
{
  g_cancellable_cancel (self->ended);
  g_object_unref (self->ended);
  g_object_unref (self->lines);
  g_object_unref (self->connection);
  g_clear_pointer (&self->actions, json_node_unref);
  g_free (self);
}

/* --- requested actions --- */

/* Returns: (nullable): the offered action with this name. */
static JsonObject *
find_action (LiveControl *self, const gchar *name)
{
  JsonArray *list = self->actions ? json_node_get_array (self->actions) : NULL;

  for (guint i = 0; list && i < json_array_get_length (list); i++) {
    JsonNode *node = json_array_get_element (list, i);
    JsonObject *action = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

    if (action && g_strcmp0 (fog_json_read_string (action, "name"), name) == 0)
      return action;
  }
  return NULL;
}

static gboolean
may_do (JsonObject *action, GError **error)
{
  const gchar *why = action ? fog_json_read_string (action, "why") : NULL;

  if (!action)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no such action.");
  else if (why && *why)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "The action isn't possible now: %s.", why);
  else
    return TRUE;
  return FALSE;
}

static gboolean
send_wish (LiveControl *self, const gchar *name, GError **error)
{
  JsonBuilder *json = live_json_new ();
  g_autoptr (GBytes) text = NULL;
  g_autofree gchar *line = NULL;

  live_json_text (json, "do", name);
  text = live_json_end (json);
  line = g_strdup_printf (
      "%.*s\n", (gint) g_bytes_get_size (text), (const gchar *) g_bytes_get_data (text, NULL));
  /* The line is sent without blocking: if the socket takes no line, it is full of requests that the
   * demo doesn't read, and an error is returned. */
  return g_socket_send_with_blocking (g_socket_connection_get_socket (self->connection), line,
             strlen (line), FALSE, NULL, error) > 0;
}

gboolean
live_control_ask (LiveControl *self, const gchar *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = fog_json_parse_object (parser, text, size, error);
  const gchar *name = object ? fog_json_read_string (object, "do") : NULL;

  if (object && !name)
    g_set_error_literal (
        error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The request needs an action, `do`.");
  return name && may_do (find_action (self, name), error) && send_wish (self, name, error);
}
