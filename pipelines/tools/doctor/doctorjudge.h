/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "doctorfindings.h"

G_BEGIN_DECLS

/* These functions derive findings from the answers of servers. The functions don't contact servers
 * themselves, so that unit tests can call them. */

/* The properties of a topic, as the brokers report them. */
typedef struct {
  const gchar *name;
  gint brokers; /* number of the cluster's brokers */
  gint partitions;
  gint copies;     /* smallest number of replicas of a partition */
  gint in_sync;    /* smallest number of in-sync replicas of a partition */
  gint leaderless; /* partitions without a leader */
  /* (nullable): maps the topic's settings to their values; NULL: the user may not read them */
  GHashTable *config;
} DoctorTopic;

/* The requirements of the stages for a topic. */
typedef struct {
  /* number of fog replicas that share the topic in a consumer group; 0: none */
  gint replicas;
  /* size of the largest message that a stage writes or reads, bytes; 0: none */
  guint64 writes, reads;
  gboolean keyless; /* flag: messages are written without a key */
  gboolean acks_all;
  gint64 keep; /* time for which the topic's messages are to be kept, s; -1: not set */
  /* longest time for which a message may wait in the edge's spool, s; 0: no limit; -1: there is no
   * spool */
  gint64 spooled;
  const gchar *how; /* (nullable): name of the setting that @keep was read from */
} DoctorWish;

void doctor_judge_topic (
    const DoctorTopic *topic, const DoctorWish *wish, DoctorFindings *findings);

/* Judges a broker's settings. @about: such as "broker 1"; @config: maps settings to values;
 * @sessions: whether a stage joins a consumer group */
void doctor_judge_broker (const gchar *about, GHashTable *config, gint brokers, gboolean sessions,
    DoctorFindings *findings);

/* Returns TRUE if @host is an address that only this machine itself can reach. */
gboolean doctor_is_own_host (const gchar *host);

/* Judges a clock. @behind: time (s) by which the clock of @about is behind this machine's, negative
 * if it is ahead; @slack: largest error of @behind, s */
void doctor_judge_clock (
    const gchar *about, gdouble behind, gdouble slack, DoctorFindings *findings);

/* Judges the timestamp of a topic's newest message, which must not lie in the future. @ahead: time
 * (s) by which the timestamp is ahead of this machine's clock */
void doctor_judge_newest (const gchar *about, gdouble ahead, DoctorFindings *findings);

/* Judges the write concern. @w: its number of servers; below 1: majority, or a tag; @members:
 * number of the replica set's members that hold data; 0: the server isn't a replica set */
void doctor_judge_concern (gint w, gint members, DoctorFindings *findings);

/* Judges the disk of a spool. @free: free bytes of the disk; @bound: the property spool-bytes, 0:
 * no limit; @used: bytes that the spool uses already */
void doctor_judge_room (
    const gchar *about, guint64 free, guint64 bound, guint64 used, DoctorFindings *findings);

G_END_DECLS
