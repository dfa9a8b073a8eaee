/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "doctorfindings.h"

G_BEGIN_DECLS

/* A stage: the pipeline that its script would run. The checks read the settings from the properties
 * of the pipeline's elements, so no list of settings has to be kept here. */
typedef struct {
  gchar *name; /* "fog" */
  GstElement *pipeline;
} DoctorStage;

/* Returns: (nullable) (transfer full): the stage; NULL if the pipeline can't be made, which adds a
 * finding. @line: the output of `pipelines/NAME --print` */
DoctorStage *doctor_stage_new (const gchar *name, const gchar *line, DoctorFindings *findings);
void doctor_stage_free (DoctorStage *self);

typedef void (*DoctorElementFunc) (
    const DoctorStage *stage, GstElement *element, const gchar *factory, gpointer data);
/* Calls @func for each element, with the name of the element's factory. */
void doctor_stage_foreach (const DoctorStage *self, DoctorElementFunc func, gpointer data);

/* A DoctorCheck of a DoctorStage: starts the stage's elements, except those that need a server, so
 * that the camera is opened, and the cascade and the zones are loaded. */
void doctor_stage_check_elements (gpointer data, DoctorFindings *findings);

/* A DoctorCheck of a DoctorStage: tests the directories of the stage's spools. */
void doctor_stage_check_spool (gpointer data, DoctorFindings *findings);

/* @port: (nullable): HEALTH_PORT */
void doctor_check_port (const gchar *port, DoctorFindings *findings);

G_END_DECLS
