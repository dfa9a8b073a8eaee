/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "doctorstage.h"

G_BEGIN_DECLS

/* One element of a stage, which reads or writes a topic. */
typedef struct {
  const gchar *stage;
  GstElement *element; /* an element of the stage's pipeline */
  gboolean writes;
  gchar *topic;
  gchar *group; /* nullable */
} DoctorUse;

/* A Kafka cluster that the stages' settings name. */
typedef struct {
  gchar *servers, *config_file; /* the file is nullable */
  GPtrArray *uses;              /* of DoctorUse */
  gint brokers;                 /* 0: not reached */
  /* flag: all brokers can be reached at the addresses that they advertise */
  gboolean usable;
} DoctorCluster;

/* (transfer full) (element-type DoctorCluster) @stages: (element-type DoctorStage) */
GPtrArray *doctor_clusters_new (const GPtrArray *stages);

/* A DoctorCheck of a DoctorCluster: tests whether its brokers answer, also at the addresses that
 * they advertise. */
void doctor_cluster_check (gpointer data, DoctorFindings *findings);

/* Facts about the whole system that can't be read from the settings of single elements. */
typedef struct {
  gint replicas;                          /* number of fog replicas */
  const gchar *frames, *events, *reports; /* topics */
  /* time for which messages are to be kept, s; -1: not set */
  gint64 keep_frames, keep_events, keep_reports;
} DoctorSystem;

/* One topic of a cluster, with all elements that use it. */
typedef struct {
  const DoctorCluster *cluster;
  const DoctorSystem *system;
  gchar *name;
  GPtrArray *uses; /* array of DoctorUse, which the cluster owns */
} DoctorTopicUse;

/* (transfer full) (element-type DoctorTopicUse) */
GPtrArray *doctor_cluster_get_topics (
    const DoctorCluster *self, const DoctorSystem *system, DoctorFindings *findings);

/* DoctorChecks of a DoctorTopicUse. The first function tests the topic's settings, the second one
 * the user's rights to the topic. */
void doctor_topic_check (gpointer data, DoctorFindings *findings);
void doctor_topic_check_rights (gpointer data, DoctorFindings *findings);

G_END_DECLS
