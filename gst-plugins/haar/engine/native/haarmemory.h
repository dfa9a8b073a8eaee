/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Works like g_renew(), but returns FALSE and leaves the memory as it was where g_renew() aborts,
 * because a picture comes from another machine, and must not end the process if it is too large for
 * the memory. */
#define HAAR_TRY_RENEW(memory, n)                                                                  \
  ({                                                                                               \
    gpointer renewed_ = g_try_realloc_n (memory, n, sizeof *(memory));                             \
                                                                                                   \
    if (renewed_)                                                                                  \
      (memory) = renewed_;                                                                         \
    renewed_ != NULL;                                                                              \
  })
