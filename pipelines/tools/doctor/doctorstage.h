/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "doctorfindings.h"

G_BEGIN_DECLS

/* A stage: the pipeline that its script would run. The checks read the properties of its elements,
 * so no list of settings is kept here. */
typedef struct {
  gchar *name; /* "fog" */
  GstElement *pipeline;
} DoctorStage;

/* Returns: (nullable) (transfer full): @line: as `pipelines/NAME --print` prints it. NULL: the
 * pipeline can't be made, which adds a finding */
DoctorStage *doctor_stage_new (const gchar *name, const gchar *line, DoctorFindings *findings);
void doctor_stage_free (DoctorStage *self);

typedef void (*DoctorElementFunc) (
    const DoctorStage *stage, GstElement *element, const gchar *factory, gpointer data);
/* @func is called for each element, with the name of its factory. */
void doctor_stage_foreach (const DoctorStage *self, DoctorElementFunc func, gpointer data);

/* A DoctorCheck of a DoctorStage: starts its elements, except those that need a server. So the
 * camera is opened, and the cascade and the zones are loaded. */
void doctor_stage_check_elements (gpointer data, DoctorFindings *findings);

/* A DoctorCheck of a DoctorStage: tests the directory of its spool. */
void doctor_stage_check_spool (gpointer data, DoctorFindings *findings);

/* @port: (nullable): HEALTH_PORT */
void doctor_check_port (const gchar *port, DoctorFindings *findings);

G_END_DECLS
