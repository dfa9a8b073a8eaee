/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Moves this process with all its threads into a control group of its own. */
typedef struct _CpuQuota CpuQuota;

/**
 * cpu_quota_enter:
 * @processors: the limit in processors, such as 1.2
 *
 * Returns: (nullable): NULL, with @error set to the reason, if no group can be made: that needs
 * root and a writable /sys/fs/cgroup
 */
CpuQuota *cpu_quota_enter (gdouble processors, GError **error);
/* Moves this process back to its former control group. */
void cpu_quota_leave (CpuQuota *quota);

G_END_DECLS
