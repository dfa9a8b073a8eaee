/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtspmock.h"

#include <gst/check/gstcheck.h>
#include <gst/rtsp-server/rtsp-server.h>

#define FILM                                                                                       \
  "( videotestsrc is-live=true ! video/x-raw,format=I420,width=32,height=16,framerate=50/1 ! "     \
  "jpegenc ! "                                                                                     \
  "rtpjpegpay name=pay0 pt=26 )"

struct _RtspMock {
  GstRTSPServer *server;
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  GSocket *socket; /* stays open while the camera is away, so that no other program gets its port */
  GSource *source; /* accepts connections */
  gint away;       /* atomic */
};

static gpointer
run (gpointer data)
{
  RtspMock *self = data;

  g_main_context_push_thread_default (self->context);
  g_main_loop_run (self->loop);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static void
add_film (GstRTSPServer *server)
{
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points (server);
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new ();

  gst_rtsp_media_factory_set_launch (factory, FILM);
  gst_rtsp_media_factory_set_shared (factory, TRUE);
  gst_rtsp_mount_points_add_factory (mounts, "/film", factory);
  g_object_unref (mounts);
}

static gboolean
take_client (GSocket *socket, GIOCondition condition, gpointer data)
{
  RtspMock *self = data;
  GSocket *client;

  if (!g_atomic_int_get (&self->away))
    return gst_rtsp_server_io_func (socket, condition, self->server);
  client = g_socket_accept (socket, NULL, NULL);
  if (client)
    g_object_unref (client); /* which closes it */
  return G_SOURCE_CONTINUE;
}

static void
listen (RtspMock *self)
{
  GError *error = NULL;

  gst_rtsp_server_set_address (self->server, "127.0.0.1");
  gst_rtsp_server_set_service (self->server, "0");
  self->socket = gst_rtsp_server_create_socket (self->server, NULL, &error);
  fail_unless (self->socket != NULL, "%s", error ? error->message : "");
  self->source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (take_client), self, NULL);
  g_source_attach (self->source, self->context);
}

static GstRTSPFilterResult
disconnect (GstRTSPServer *server, GstRTSPClient *client, gpointer user_data)
{
  return GST_RTSP_FILTER_REMOVE;
}

static gboolean
disconnect_clients (gpointer data)
{
  RtspMock *self = data;

  g_list_free_full (gst_rtsp_server_client_filter (self->server, disconnect, NULL), g_object_unref);
  return G_SOURCE_REMOVE;
}

static gboolean
quit (gpointer data)
{
  RtspMock *self = data;

  disconnect_clients (self);
  g_source_destroy (self->source);
  g_main_loop_quit (self->loop);
  return G_SOURCE_REMOVE;
}

/* Makes the server's thread serve all clients, because a client must not be disconnected while
 * another thread serves it. */
static void
use_one_thread (GstRTSPServer *server)
{
  GstRTSPThreadPool *pool = gst_rtsp_server_get_thread_pool (server);

  gst_rtsp_thread_pool_set_max_threads (pool, 0);
  g_object_unref (pool);
}

RtspMock *
rtsp_mock_new (void)
{
  RtspMock *self = g_new0 (RtspMock, 1);

  self->server = gst_rtsp_server_new ();
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  use_one_thread (self->server);
  add_film (self->server);
  listen (self);
  self->thread = g_thread_new ("rtsp", run, self);
  return self;
}

gchar *
rtsp_mock_uri (RtspMock *self)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (self->socket, NULL);

  return g_strdup_printf (
      "rtsp://127.0.0.1:%u/film", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
}

void
rtsp_mock_leave (RtspMock *self, gulong away)
{
  g_atomic_int_set (&self->away, TRUE);
  g_main_context_invoke (self->context, disconnect_clients, self);
  g_usleep (away);
  g_atomic_int_set (&self->away, FALSE);
}

void
rtsp_mock_free (RtspMock *self)
{
  g_main_context_invoke (self->context, quit, self);
  g_thread_join (self->thread);
  g_source_unref (self->source);
  g_object_unref (self->socket);
  g_main_loop_unref (self->loop);
  g_object_unref (self->server);
  g_main_context_unref (self->context);
  gst_rtsp_thread_pool_cleanup ();
  g_free (self);
}
