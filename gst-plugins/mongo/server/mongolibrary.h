/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Initialises libmongoc, once for the process. The log of libmongoc goes to the debug category
 * `mongoc`, one level lower; otherwise libmongoc would print it. */
void mongo_library_init (void);
