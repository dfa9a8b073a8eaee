/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Initialises libmongoc, once in the process. libmongoc's log messages go to the debug category
 * `mongoc`, one level lower than libmongoc's own; otherwise libmongoc would print them. */
void mongo_library_init (void);
