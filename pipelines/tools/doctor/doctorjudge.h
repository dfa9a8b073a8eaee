/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "doctorfindings.h"

G_BEGIN_DECLS

/* What follows from what servers say. Without any server, so that tests can drive it. */

/* A topic, as the brokers describe it. */
typedef struct {
  const gchar *name;
  gint brokers; /* of the cluster */
  gint partitions;
  gint copies;     /* replicas of the partition that has the fewest */
  gint in_sync;    /* in-sync replicas of the partition that has the fewest */
  gint leaderless; /* partitions without a leader */
  /* (nullable): name to value of its configuration; NULL: the user may not ask for it */
  GHashTable *config;
} DoctorTopic;

/* What the stages want of a topic. */
typedef struct {
  gint replicas;         /* that share it by a consumer group; 0: none do */
  guint64 writes, reads; /* bytes of the largest message that a stage writes or reads; 0: none */
  gboolean keyless;      /* messages are written without a key */
  gboolean acks_all;
  gint64 keep;      /* s that its messages are to be kept; -1: not set */
  gint64 spooled;   /* s that a message may wait at the edge; 0: no bound; -1: there is no spool */
  const gchar *how; /* (nullable): the name of the setting that says @keep */
} DoctorWish;

void doctor_judge_topic (
    const DoctorTopic *topic, const DoctorWish *wish, DoctorFindings *findings);

/* @about: "broker 1"; @config: name to value; @sessions: a stage joins a consumer group */
void doctor_judge_broker (const gchar *about, GHashTable *config, gint brokers, gboolean sessions,
    DoctorFindings *findings);

/* TRUE: only this machine itself reaches @host. */
gboolean doctor_is_own_host (const gchar *host);

/* @behind: s that @about's clock is behind this one, negative: ahead; @slack: s by which the
 * measurement may be wrong */
void doctor_judge_clock (
    const gchar *about, gdouble behind, gdouble slack, DoctorFindings *findings);

/* The newest message of a topic can't be younger than now. @ahead: s */
void doctor_judge_newest (const gchar *about, gdouble ahead, DoctorFindings *findings);

/* The write concern. @w: number of servers; below 1: majority, or a tag; @members: of the replica
 * set that hold data; 0: it isn't a replica set */
void doctor_judge_concern (gint w, gint members, DoctorFindings *findings);

/* @free: bytes of the disk; @bound: spool-bytes, 0: none; @used: bytes that the spool has
 * already */
void doctor_judge_room (
    const gchar *about, guint64 free, guint64 bound, guint64 used, DoctorFindings *findings);

G_END_DECLS
