/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "livereply.h"

G_BEGIN_DECLS

/* The page's files, which are part of the program. @name: as in "index.html"; 404 if there is
 * none. */
LiveReply live_files_get (const gchar *name, const gchar *etag);

G_END_DECLS
