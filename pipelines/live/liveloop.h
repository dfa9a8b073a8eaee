/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Runs @loop until SIGINT or SIGTERM comes, or @loop is quit, and calls @tick every @interval
 * ms. */
void live_loop_run (GMainLoop *loop, guint interval, GSourceFunc tick, gpointer data);

G_END_DECLS
