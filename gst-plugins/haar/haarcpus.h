/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whole processors that this process may use: its affinity, less what a CPU quota of its control group, or
 * of one above it, leaves of them. At least 1. */
guint haar_cpus_available (void);

/**
 * haar_cpus_of_quota:
 * @root: where control groups are mounted: /sys/fs/cgroup
 * @membership: the text of /proc/self/cgroup
 *
 * Returns: processors, rounded up; %G_MAXUINT if there is no quota
 */
guint haar_cpus_of_quota (const gchar *root, const gchar *membership);

G_END_DECLS
