/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  DOCTOR_GOOD,
  /* a fact that is good to know, or a test that wasn't possible; nothing has to be done */
  DOCTOR_NOTE,
  DOCTOR_WARN, /* the system runs, but worse than it could, or will fail later */
  DOCTOR_BAD,  /* a stage will fail, or frames will be lost */
} DoctorLevel;

/* The findings of the checks, in order. Only one thread at a time may use the list. */
typedef struct _DoctorFindings DoctorFindings;

DoctorFindings *doctor_findings_new (void);
void doctor_findings_free (DoctorFindings *self);

/**
 * doctor_add:
 * @about: what was tested, such as "topic camera"
 * @why: (nullable): a sentence that says why the finding matters
 * @todo: (nullable): a sentence that says what to do
 * @format: a sentence that says what was found
 */
void doctor_add (DoctorFindings *self, DoctorLevel level, const gchar *about, const gchar *why,
    const gchar *todo, const gchar *format, ...) G_GNUC_PRINTF (6, 7);

/* Moves all findings of @from to the end of @self. @from is empty afterwards. */
void doctor_findings_move (DoctorFindings *self, DoctorFindings *from);

/* Returns 2 if there is a finding of the level DOCTOR_BAD, otherwise 1 if there is one of the level
 * DOCTOR_WARN, otherwise 0. */
gint doctor_findings_get_exit_code (const DoctorFindings *self);
/* Returns TRUE if there is a finding of this or a worse level. */
gboolean doctor_findings_have (const DoctorFindings *self, DoctorLevel level);

/* Returns: (transfer full): one line for each finding, without control characters, and a last line
 * that sums up. @least: the level from which on findings are printed */
gchar *doctor_findings_to_text (const DoctorFindings *self, DoctorLevel least);
/* Returns: (transfer full): {"verdict":"bad","findings":[{"level","about","what","why","do"},…]} */
gchar *doctor_findings_to_json (const DoctorFindings *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DoctorFindings, doctor_findings_free)

G_END_DECLS
