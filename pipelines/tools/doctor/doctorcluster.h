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

/* A Kafka cluster, as the stages' settings name it. */
typedef struct {
  gchar *servers, *config_file; /* the file is nullable */
  GPtrArray *uses;              /* of DoctorUse */
  gint brokers;                 /* 0: not reached */
  gboolean usable;              /* all brokers are reached at the addresses that they advertise */
} DoctorCluster;

/* (transfer full) (element-type DoctorCluster) @stages: (element-type DoctorStage) */
GPtrArray *doctor_clusters_new (const GPtrArray *stages);

/* A DoctorCheck of a DoctorCluster: tests whether its brokers answer, also at the addresses that
 * they advertise. */
void doctor_cluster_check (gpointer data, DoctorFindings *findings);

/* Facts about the whole system, which the settings of single elements don't hold. */
typedef struct {
  gint replicas;                                 /* number of fog replicas */
  const gchar *frames, *events, *reports;        /* topics */
  gint64 keep_frames, keep_events, keep_reports; /* s that messages are to be kept; -1: not set */
} DoctorSystem;

/* One topic of a cluster, with all elements that use it. */
typedef struct {
  const DoctorCluster *cluster;
  const DoctorSystem *system;
  gchar *name;
  GPtrArray *uses; /* of DoctorUse, which the cluster owns */
} DoctorTopicUse;

/* (transfer full) (element-type DoctorTopicUse) */
GPtrArray *doctor_cluster_get_topics (
    const DoctorCluster *self, const DoctorSystem *system, DoctorFindings *findings);

/* DoctorChecks of a DoctorTopicUse. The first one tests the topic's settings, the second one the
 * user's rights to it. */
void doctor_topic_check (gpointer data, DoctorFindings *findings);
void doctor_topic_check_rights (gpointer data, DoctorFindings *findings);

G_END_DECLS
