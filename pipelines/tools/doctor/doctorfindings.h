/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  DOCTOR_GOOD,
  DOCTOR_NOTE, /* couldn't be tested, or is good to know; nothing has to be done */
  DOCTOR_WARN, /* it runs, but not as well, or not for long */
  DOCTOR_BAD,  /* a stage fails, or frames are lost */
} DoctorLevel;

/* What the checks have found, in order. Of one thread at a time. */
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

/* Moves all of @from, which is empty then, to the end of @self. */
void doctor_findings_move (DoctorFindings *self, DoctorFindings *from);

/* 2: something is bad; 1: there are warnings; 0 */
gint doctor_findings_get_exit_code (const DoctorFindings *self);
/* TRUE: a finding of this level or a worse one is there. */
gboolean doctor_findings_have (const DoctorFindings *self, DoctorLevel level);

/* (transfer full): a line each, without control characters, and one that sums up. @least: lines of
 * this level and worse ones */
gchar *doctor_findings_to_text (const DoctorFindings *self, DoctorLevel least);
/* (transfer full): {"verdict":"bad","findings":[{"level","about","what","why","do"},…]} */
gchar *doctor_findings_to_json (const DoctorFindings *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DoctorFindings, doctor_findings_free)

G_END_DECLS
