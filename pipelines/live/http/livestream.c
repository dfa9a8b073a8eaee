/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livestream.h"

#include <string.h>

#include "livesocket.h"

/* Number of unwritten events from which on a viewer misses events, and number from which on its
 * connection is closed. */
#define BEHIND 2
#define TOO_FAR_BEHIND 64

struct _LiveStream {
  guint max;
  GPtrArray *viewers; /* of Viewer */
};

typedef struct {
  LiveStream *stream;
  SoupServerMessage *message;
  guint waiting; /* number of events that weren't written to the socket yet */
} Viewer;

static void
viewer_free (gpointer data)
{
  Viewer *self = data;

  g_signal_handlers_disconnect_by_data (self->message, self);
  g_object_unref (self->message);
  g_free (self);
}

LiveStream *
live_stream_new (guint max_viewers)
{
  LiveStream *self = g_new0 (LiveStream, 1);

  self->max = max_viewers;
  self->viewers = g_ptr_array_new_with_free_func (viewer_free);
  return self;
}

void
live_stream_free (LiveStream *self)
{
  g_ptr_array_unref (self->viewers);
  g_free (self);
}

static void
note_written (SoupServerMessage *message, gpointer data)
{
  Viewer *viewer = data;

  if (viewer->waiting)
    viewer->waiting--;
}

static void
note_finished (SoupServerMessage *message, gpointer data)
{
  Viewer *viewer = data;

  g_ptr_array_remove_fast (viewer->stream->viewers, viewer);
}

gboolean
live_stream_add (LiveStream *self, SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
  Viewer *viewer;

  if (live_stream_is_full (self))
    return FALSE;
  viewer = g_new0 (Viewer, 1);
  viewer->stream = self;
  viewer->message = g_object_ref (message);
  g_signal_connect (message, "wrote-chunk", G_CALLBACK (note_written), viewer);
  g_signal_connect (message, "finished", G_CALLBACK (note_finished), viewer);
  g_ptr_array_add (self->viewers, viewer);
  soup_server_message_set_status (message, 200, NULL);
  soup_message_headers_set_content_type (headers, "text/event-stream", NULL);
  soup_message_headers_set_encoding (headers, SOUP_ENCODING_CHUNKED);
  soup_message_body_set_accumulate (soup_server_message_get_response_body (message), FALSE);
  return TRUE;
}

gboolean
live_stream_is_full (const LiveStream *self)
{
  return self->viewers->len >= self->max;
}

guint
live_stream_count (const LiveStream *self)
{
  return self->viewers->len;
}

static void
drop (Viewer *viewer)
{
  GSocket *socket = live_socket_get (viewer->message);

  if (socket)
    g_socket_shutdown (socket, TRUE, TRUE, NULL);
}

static void
send (Viewer *viewer, GBytes *text)
{
  soup_message_body_append_bytes (soup_server_message_get_response_body (viewer->message), text);
  viewer->waiting++;
  soup_server_message_unpause (viewer->message);
}

/* Makes a server-sent event. The data needs only one line, because the JSON has no line breaks. */
static GBytes *
make_event (const gchar *event, GBytes *data)
{
  GString *text = g_string_new (NULL);
  gsize size;
  const gchar *json = g_bytes_get_data (data, &size);

  g_string_append_printf (text, "event: %s\ndata: ", event);
  g_string_append_len (text, json, (gssize) size);
  g_string_append (text, "\n\n");
  return g_string_free_to_bytes (text);
}

void
live_stream_send (LiveStream *self, const gchar *event, GBytes *data, gboolean must)
{
  g_autoptr (GBytes) text = make_event (event, data);

  for (guint i = 0; i < self->viewers->len; i++) {
    Viewer *viewer = g_ptr_array_index (self->viewers, i);

    if (viewer->waiting >= TOO_FAR_BEHIND)
      drop (viewer);
    else if (must || viewer->waiting < BEHIND)
      send (viewer, text);
  }
}
