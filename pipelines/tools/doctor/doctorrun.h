/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "doctorfindings.h"

G_BEGIN_DECLS

typedef void (*DoctorCheck) (gpointer data, DoctorFindings *findings);

/**
 * doctor_run:
 * @about: what is tested
 * @seconds: time limit of @check, s
 * @data: argument of @check; must not be freed if FALSE is returned, because @check still uses it
 *
 * Runs @check in a thread of its own, because the calls that resolve names and open files have no
 * time limit. The check's findings are added to @findings once it has ended.
 *
 * Returns: %FALSE if @check hasn't ended in time, which adds a finding
 */
gboolean doctor_run (
    const gchar *about, guint seconds, DoctorCheck check, gpointer data, DoctorFindings *findings);

G_END_DECLS
