/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <glib.h>

/* An IP camera on loopback, which sends MJPEG: GStreamer's RTSP server in a thread of its own. */
typedef struct _RtspMock RtspMock;

RtspMock *rtsp_mock_new (void);
gchar *rtsp_mock_uri (RtspMock *self);
/* Disconnects all clients, and closes each new connection for @away us. */
void rtsp_mock_leave (RtspMock *self, gulong away);
void rtsp_mock_free (RtspMock *self);
