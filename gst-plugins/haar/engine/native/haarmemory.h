/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Works like g_renew(), but where g_renew() aborts, it returns FALSE and the memory stays as it
 * was. Pictures come from other machines; a picture that is too large for the memory must not end
 * the process. */
#define HAAR_TRY_RENEW(memory, n)                                                                  \
  ({                                                                                               \
    gpointer renewed_ = g_try_realloc_n (memory, n, sizeof *(memory));                             \
                                                                                                   \
    if (renewed_)                                                                                  \
      (memory) = renewed_;                                                                         \
    renewed_ != NULL;                                                                              \
  })
