/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Moves this process with all its threads into a control group of its own. */
typedef struct _CpuQuota CpuQuota;

/**
 * cpu_quota_enter:
 * @processors: how much of them may be used, such as 1.2
 *
 * Returns: (nullable): with @error, why it can't be had: it takes root,
 * and /sys/fs/cgroup to be writable
 */
CpuQuota *cpu_quota_enter (gdouble processors, GError **error);
/* Moves it back to its former group. */
void cpu_quota_leave (CpuQuota *quota);

G_END_DECLS
