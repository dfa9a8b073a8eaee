/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* As g_renew(), but FALSE, and the memory as it was, where that aborts: pictures come from outside, and one too large
 * for the memory that's left is no reason to. */
#define HAAR_TRY_RENEW(memory, n)                                                                  \
  ({                                                                                               \
    gpointer renewed_ = g_try_realloc_n (memory, n, sizeof *(memory));                             \
                                                                                                   \
    if (renewed_)                                                                                  \
      (memory) = renewed_;                                                                         \
    renewed_ != NULL;                                                                              \
  })
