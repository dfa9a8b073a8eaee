/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "livereply.h"

G_BEGIN_DECLS

/* Returns a file of the page, which is compiled into the program, or 404 if there is no such file.
 * @name: for example "index.html" */
LiveReply live_files_get (const gchar *name, const gchar *etag);

G_END_DECLS
