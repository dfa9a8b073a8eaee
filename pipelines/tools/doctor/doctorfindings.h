/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  DOCTOR_GOOD,
  DOCTOR_NOTE, /* something that couldn't be tested, or is good to know; nothing has to be done */
  DOCTOR_WARN, /* the system runs, but worse than it could, or not for long */
  DOCTOR_BAD,  /* a stage fails, or frames are lost */
} DoctorLevel;

/* What the checks have found, in order. Only one thread at a time may use it. */
typedef struct _DoctorFindings DoctorFindings;

DoctorFindings *doctor_findings_new (void);
void doctor_findings_free (DoctorFindings *self);

/**
 * doctor_add:
 * @about: what was looked at: "topic camera"
 * @why: (nullable): why it matters, as a sentence
 * @todo: (nullable): what to do about it, as a sentence
 * @format: what was found, as a sentence
 */
void doctor_add (DoctorFindings *self, DoctorLevel level, const gchar *about, const gchar *why,
    const gchar *todo, const gchar *format, ...) G_GNUC_PRINTF (6, 7);

/* Moves all findings of @from to the end of @self. @from is empty afterwards. */
void doctor_findings_move (DoctorFindings *self, DoctorFindings *from);

/* Returns 2 if there is a DOCTOR_BAD, otherwise 1 if there is a DOCTOR_WARN, otherwise 0. */
gint doctor_findings_get_exit_code (const DoctorFindings *self);
/* Returns TRUE if there is a finding of this level or a worse one. */
gboolean doctor_findings_have (const DoctorFindings *self, DoctorLevel level);

/* Returns: (transfer full): one line for each finding, without control characters, and a last line
 * that sums up. @least: only findings of this level and worse ones are printed */
gchar *doctor_findings_to_text (const DoctorFindings *self, DoctorLevel least);
/* Returns: (transfer full): {"verdict":"bad","findings":[{"level","about","what","why","do"},…]} */
gchar *doctor_findings_to_json (const DoctorFindings *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DoctorFindings, doctor_findings_free)

G_END_DECLS
