/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns the number of processors that this process may keep busy: those of its affinity, or fewer
 * if a CPU quota of its control group, or of a group above that, allows less. 0.5 is half a
 * processor. */
gdouble haar_cpus_available (void);
/* Returns the number of processors of the machine that are online. */
gint haar_cpus_of_machine (void);
/* Returns: (nullable) (transfer full): the threads of this process, for
 * haar_cpus_wanted_by_others(); free it with g_dir_close(). NULL means that the threads of other
 * processes can't be counted, because this process may use only some processors, or the system
 * doesn't show its threads. */
GDir *haar_cpus_open_own (void);
/* Counts the threads of other processes that run or wait for a processor now. A count isn't made in
 * one instant, so a single count may be wrong, even negative; the mean of several counts is right.
 * @own: (nullable). FALSE: unknown. */
gboolean haar_cpus_wanted_by_others (GDir *own, gint *threads);
/* Returns the seconds of processor time that all threads of this process have used. */
gdouble haar_cpus_used (void);

/**
 * haar_cpus_of_quota:
 * @root: where control groups are mounted: /sys/fs/cgroup
 * @membership: the text of /proc/self/cgroup
 *
 * Returns: the number of processors that the quotas allow; %G_MAXDOUBLE if there is no quota
 */
gdouble haar_cpus_of_quota (const gchar *root, const gchar *membership);

G_END_DECLS
