/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/livemodel.h"

G_BEGIN_DECLS

/* The live page's end of a socket to the demo, which has started the page's server. The demo offers
 * actions that disturb the system, and viewers request these actions. A message in either direction
 * is a line of JSON: the demo sends `{"actions":[{"name":…,"label":…,"why":…},…]}` and
 * `{"said":…}`, this process sends `{"do":NAME}`. Of the main thread. */
typedef struct _LiveControl LiveControl;

/* @descriptor: file descriptor of a connected socket, which belongs to the new object. @error:
 * @descriptor isn't a connected socket */
LiveControl *live_control_new (gint descriptor, LiveModel *model, GError **error);
void live_control_free (LiveControl *self);

/**
 * live_control_ask:
 * @text: a viewer's request, which should be `{"do":NAME}`, but may be any text
 * @error: G_IO_ERROR_INVALID_DATA: @text isn't a request; NOT_FOUND: no such action is offered;
 *   BUSY: the action isn't possible now, and why; any other: the demo doesn't read requests any
 *   more
 */
gboolean live_control_ask (LiveControl *self, const gchar *text, gsize size, GError **error);

G_END_DECLS
