/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Sends @data to @port of loopback, closes the sending side, and returns what the server answers
 * until it closes the connection or begins a stream of events. Ends the process if the server is
 * silent for a minute. */
GString *ask (guint16 port, const guint8 *data, gsize size);
