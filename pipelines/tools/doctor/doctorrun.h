/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "doctorfindings.h"

G_BEGIN_DECLS

typedef void (*DoctorCheck) (gpointer data, DoctorFindings *findings);

/**
 * doctor_run:
 * @about: what is tested
 * @seconds: how long it may take
 * @data: if FALSE is returned, @check still uses it: don't free it
 *
 * Runs @check on a thread of its own, so that nothing hangs: names are resolved and files are
 * opened by calls without a time limit. What it finds is added to @findings once it has ended.
 *
 * Returns: %FALSE: it hasn't ended, which is a finding too
 */
gboolean doctor_run (
    const gchar *about, guint seconds, DoctorCheck check, gpointer data, DoctorFindings *findings);

G_END_DECLS
