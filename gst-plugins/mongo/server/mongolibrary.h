/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Initialises libmongoc, once for the process. Its log goes to the debug category `mongoc`, one
 * level down; without that it would be printed. */
void mongo_library_init (void);
