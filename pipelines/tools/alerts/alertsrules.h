/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsquiet.h"

G_BEGIN_DECLS

/* The rule file: rules, and the targets that they send to. pipelines/README.md is its reference. */

typedef enum {
  ALERTS_FACES,    /* a camera's faces, in a zone or in all, exceed a number */
  ALERTS_SILENT,   /* no frame of a camera is counted */
  ALERTS_REPLICA,  /* a fog replica sends no report, and didn't say that it leaves */
  ALERTS_WAITING,  /* more messages and frames wait for a replica than a number */
  ALERTS_LATE,     /* one frame in twenty is counted later after its capture than a time */
  ALERTS_OLD,      /* what waits in a topic is older than a time */
  ALERTS_REJECTED, /* frames, messages or documents were given up */
  ALERTS_LOST,     /* messages were deleted before they were read */
  ALERTS_KINDS,
} AlertsKind;

/* What the rules of a kind look for in the metrics of a stage. */
typedef struct {
  const gchar *name;
  const gchar *label; /* its values are watched one by one */
  gboolean counts;    /* it only grows, and the rule is about how much; else the number counts */
} AlertsMetric;

typedef enum {
  ALERTS_WEBHOOK,
  ALERTS_TOPIC,
  ALERTS_MQTT,
} AlertsWay;

typedef struct {
  gchar *name;
  guint line; /* of the file */
  AlertsWay way;
  gchar *address;  /* URL, or a Kafka topic */
  GBytes *secret;  /* (nullable): key of the signatures */
  gchar *user;     /* (nullable) */
  gchar *password; /* (nullable) */
  gchar *ca_file;  /* (nullable): certificates that are trusted; NULL: the system's */
  gint64 timeout;  /* ms for one try */
  guint index;     /* in the file's targets */
} AlertsTarget;

typedef struct {
  gchar *name;
  guint line;
  AlertsKind kind;
  GPatternSpec *subjects; /* of names of cameras, of replicas, or of series of metrics */
  gchar **stages;         /* (nullable): addresses of metrics */
  gchar *zone;            /* (nullable): NULL: all faces of a frame */
  gdouble above;          /* the condition is met above it */
  gdouble until;          /* and ends at it or below it */
  gint64 patience;        /* ms for which the condition must be met before an alert */
  gint64 calm;            /* ms for which it must have ended before the alert ends */
  gint64 hold;            /* ms for which a number counts if no newer one comes */
  gint64 forget;          /* ms after which an alert ends about what is never seen again */
  gchar *severity;
  AlertsQuiet *quiet; /* (nullable) */
  GPtrArray *targets; /* of AlertsTarget, owned by the file */
} AlertsRule;

typedef struct {
  GPtrArray *rules;   /* of AlertsRule */
  GPtrArray *targets; /* of AlertsTarget */
} AlertsRules;

/**
 * alerts_rules_parse:
 * @file: the file's name, for messages
 * @text: the file's text
 * @error: G_OPTION_ERROR_BAD_VALUE: `FILE:LINE: ` and what is wrong
 *
 * Reads the files that the rules name, too: of secrets, passwords and addresses.
 *
 * Returns: (nullable) (transfer full): the rules
 */
AlertsRules *alerts_rules_parse (const gchar *file, const gchar *text, GError **error);
AlertsRules *alerts_rules_load (const gchar *file, GError **error);
void alerts_rules_free (AlertsRules *self);

/* (nullable): the rule or the target of this name */
AlertsRule *alerts_rules_find (const AlertsRules *self, const gchar *name);
AlertsTarget *alerts_rules_find_target (const AlertsRules *self, const gchar *name);

const gchar *alerts_kind_name (AlertsKind kind);
/* Returns what the rule is about: "camera", "replica" or "series". */
const gchar *alerts_kind_get_subject (AlertsKind kind);
/* (nullable): NULL: the kind needs no metrics */
const AlertsMetric *alerts_kind_get_metric (AlertsKind kind);
/* Returns whether the rule fires because nothing comes, not because of a number. */
gboolean alerts_kind_is_silence (AlertsKind kind);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlertsRules, alerts_rules_free)

G_END_DECLS
