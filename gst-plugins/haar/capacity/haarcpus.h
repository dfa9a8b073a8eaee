/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Processors that this process may keep busy: those of its affinity, or fewer where a CPU quota of its
 * control group, or of one above it, leaves less: 0.5 is half of one. */
gdouble haar_cpus_available (void);
/* Processors that run, whoever may use them. */
gint haar_cpus_of_machine (void);
/* (nullable) (transfer full): this process's threads, for haar_cpus_wanted_by_others(). NULL: this process may not use all
 * processors, so that it can't be known who else uses those, or the system doesn't tell. Close with g_dir_close(). */
GDir *haar_cpus_open_own (void);
/* Looks how many threads of other processes, of all the machine, run or wait for a processor at this moment. As a look isn't
 * one moment, single ones may be wrong, below zero too; their mean isn't. @own: (nullable). FALSE: it can't be told. */
gboolean haar_cpus_wanted_by_others (GDir *own, gint *threads);
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
