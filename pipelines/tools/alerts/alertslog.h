/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Returns whether an event that has happened for the @count-th time is logged: only the 1st, 2nd,
 * 4th, 8th … time is. */
static inline gboolean
alerts_log_is_due (guint64 count)
{
  return (count & (count - 1)) == 0;
}
