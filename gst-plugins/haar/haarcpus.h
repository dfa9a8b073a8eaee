/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Processors that this process may keep busy: those of its affinity, or fewer where a CPU quota of its
 * control group, or of one above it, leaves less: 0.5 is half of one. */
gdouble haar_cpus_available (void);
/* Processors that run, whoever may use them. */
gint haar_cpus_of_machine (void);
/* Threads of the whole machine that run or wait for a processor at this moment; -1: not known. */
gint haar_cpus_wanted (void);
/* Seconds of processors that this process has used, all its threads together. */
gdouble haar_cpus_used (void);

/**
 * haar_cpus_of_quota:
 * @root: where control groups are mounted: /sys/fs/cgroup
 * @membership: the text of /proc/self/cgroup
 *
 * Returns: processors; %G_MAXDOUBLE if there is no quota
 */
gdouble haar_cpus_of_quota (const gchar *root, const gchar *membership);

G_END_DECLS
