/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "doctorfindings.h"

G_BEGIN_DECLS

/* Derives findings from servers' answers. These functions reach for no server, so that tests can
 * call them. */

/* A topic, as the brokers describe it. */
typedef struct {
  const gchar *name;
  gint brokers; /* number of the cluster's brokers */
  gint partitions;
  gint copies;     /* replicas of the partition that has the fewest */
  gint in_sync;    /* in-sync replicas of the partition that has the fewest */
  gint leaderless; /* partitions without a leader */
  /* (nullable): maps the topic's settings to their values; NULL: the user may not read them */
  GHashTable *config;
} DoctorTopic;

/* What the stages demand of a topic. */
typedef struct {
  gint replicas;         /* number of replicas that share it by a consumer group; 0: none */
  guint64 writes, reads; /* bytes of the largest message that a stage writes or reads; 0: none */
  gboolean keyless;      /* messages are written without a key */
  gboolean acks_all;
  gint64 keep;      /* s that its messages are to be kept; -1: not set */
  gint64 spooled;   /* s that a message may wait at the edge; 0: no bound; -1: there is no spool */
  const gchar *how; /* (nullable): the name of the setting that sets @keep */
} DoctorWish;

void doctor_judge_topic (
    const DoctorTopic *topic, const DoctorWish *wish, DoctorFindings *findings);

/* @about: such as "broker 1"; @config: maps settings to values; @sessions: a stage joins a consumer
 * group */
void doctor_judge_broker (const gchar *about, GHashTable *config, gint brokers, gboolean sessions,
    DoctorFindings *findings);

/* Returns TRUE if only this machine itself reaches @host. */
gboolean doctor_is_own_host (const gchar *host);

/* @behind: s by which the clock of @about is behind this machine's, negative: ahead; @slack: s by
 * which @behind may be wrong */
void doctor_judge_clock (
    const gchar *about, gdouble behind, gdouble slack, DoctorFindings *findings);

/* A topic's newest message can't come from the future. @ahead: s by which its timestamp is ahead */
void doctor_judge_newest (const gchar *about, gdouble ahead, DoctorFindings *findings);

/* @w: the write concern's number of servers; below 1: majority, or a tag; @members: number of the
 * replica set's members that hold data; 0: the server is no replica set */
void doctor_judge_concern (gint w, gint members, DoctorFindings *findings);

/* @free: free bytes of the disk; @bound: spool-bytes, 0: no bound; @used: bytes that the spool
 * takes already */
void doctor_judge_room (
    const gchar *about, guint64 free, guint64 bound, guint64 used, DoctorFindings *findings);

G_END_DECLS
