/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/livemodel.h"

G_BEGIN_DECLS

/* The other end of a socket that whoever started this process, the demo, listens at: it offers
 * actions that disturb the system, and viewers ask for them. In both directions a message is a line
 * of JSON: the demo sends `{"actions":[{"name":…,"label":…,"why":…},…]}` and `{"said":…}`, this
 * process sends `{"do":NAME}`. Of the main thread. */
typedef struct _LiveControl LiveControl;

/* @descriptor: of a connected socket, which it owns from now on. @error: it is none */
LiveControl *live_control_new (gint descriptor, LiveModel *model, GError **error);
void live_control_free (LiveControl *self);

/**
 * live_control_ask:
 * @text: a viewer's `{"do":NAME}`: any text at all
 * @error: G_IO_ERROR_INVALID_DATA: it is none; NOT_FOUND: no such action is offered; BUSY: it can't
 *   be done now, and why; another: nobody listens any more
 */
gboolean live_control_ask (LiveControl *self, const gchar *text, gsize size, GError **error);

G_END_DECLS
