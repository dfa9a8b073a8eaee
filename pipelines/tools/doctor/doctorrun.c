/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctorrun.h"

typedef struct {
  gatomicrefcount refs;
  DoctorCheck check;
  gpointer data;
  /* findings of the check; used only by its thread until the check has ended */
  DoctorFindings *findings;
  GMutex lock; /* guards all fields below */
  GCond changed;
  gboolean ended;
} Run;

static void
run_unref (Run *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  doctor_findings_free (self->findings);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

static gpointer
run (gpointer data)
{
  Run *self = data;

  self->check (self->data, self->findings);
  g_mutex_lock (&self->lock);
  self->ended = TRUE;
  g_cond_signal (&self->changed);
  g_mutex_unlock (&self->lock);
  run_unref (self);
  return NULL;
}

static gboolean
wait_for_end (Run *self, guint seconds)
{
  gint64 deadline = g_get_monotonic_time () + seconds * G_TIME_SPAN_SECOND;
  gboolean ended;

  g_mutex_lock (&self->lock);
  while (!self->ended && g_cond_wait_until (&self->changed, &self->lock, deadline))
    ;
  ended = self->ended;
  g_mutex_unlock (&self->lock);
  return ended;
}

gboolean
doctor_run (
    const gchar *about, guint seconds, DoctorCheck check, gpointer data, DoctorFindings *findings)
{
  Run *self = g_new0 (Run, 1);
  gboolean ended;

  g_atomic_ref_count_init (&self->refs);
  g_atomic_ref_count_inc (&self->refs);
  self->check = check;
  self->data = data;
  self->findings = doctor_findings_new ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_thread_unref (g_thread_new ("check", run, self));
  ended = wait_for_end (self, seconds);
  if (ended)
    doctor_findings_move (findings, self->findings);
  else
    doctor_add (findings, DOCTOR_BAD, about, "A stage would wait for the same server or file.",
        "See whether the server, its link or its disk is stuck.",
        "The test hasn't ended within %u s.", seconds);
  run_unref (self);
  return ended;
}
