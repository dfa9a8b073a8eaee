/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A control group of its own that this process, all its threads, runs in. */
typedef struct _CpuQuota CpuQuota;

/**
 * cpu_quota_enter:
 * @processors: how much of them may be used, such as 1.2
 *
 * Returns: (nullable): with @error, why it can't be had: it takes root,
 * and /sys/fs/cgroup to be writable
 */
CpuQuota *cpu_quota_enter (gdouble processors, GError **error);
/* Back to where it was. */
void cpu_quota_leave (CpuQuota *quota);

G_END_DECLS
