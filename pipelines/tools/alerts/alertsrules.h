/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsquiet.h"

G_BEGIN_DECLS

/* The rule file, which contains rules and the targets of their notices. pipelines/README.md is its
 * reference. */

typedef enum {
  /* the number of a camera's faces, in a zone or in the whole frame, is above a limit */
  ALERTS_FACES,
  ALERTS_SILENT,   /* no frame of a camera is counted for a while */
  ALERTS_COVERED,  /* a camera's picture has no detail, as if the lens is covered */
  ALERTS_FROZEN,   /* a camera's picture has been bit-identical for longer than a limit */
  ALERTS_REPLICA,  /* a fog replica sends no reports, and hasn't announced that it stops */
  ALERTS_WAITING,  /* the number of messages and frames that wait for a replica is above a limit */
  ALERTS_LATE,     /* the 95th percentile of the time from capture to count is above a limit */
  ALERTS_OLD,      /* the age of the messages that wait in a topic is above a limit */
  ALERTS_REJECTED, /* frames, messages or documents were given up */
  ALERTS_LOST,     /* messages were deleted before they were read */
  ALERTS_KINDS,
} AlertsKind;

/* The metric of a stage that the rules of a kind check. */
typedef struct {
  const gchar *name;
  const gchar *label; /* label of the metric; each of its values has a watch of its own */
  /* TRUE for a counter, whose growth the rule checks; FALSE for a gauge, whose value it checks */
  gboolean counts;
} AlertsMetric;

typedef enum {
  ALERTS_WEBHOOK,
  ALERTS_TOPIC,
  ALERTS_MQTT,
} AlertsWay;

typedef struct {
  gchar *name;
  guint line; /* line in the rule file */
  AlertsWay way;
  gchar *address;  /* URL, or a Kafka topic */
  GBytes *secret;  /* (nullable): key of the signatures */
  gchar *user;     /* (nullable) */
  gchar *password; /* (nullable) */
  gchar *ca_file;  /* (nullable): file of the certificates to trust; NULL: the system's */
  gint64 timeout;  /* time limit for one attempt, ms */
  guint index;     /* in the file's targets */
} AlertsTarget;

typedef struct {
  gchar *name;
  guint line;
  AlertsKind kind;
  GPatternSpec *subjects; /* pattern of the names of cameras, replicas or series of metrics */
  gchar **stages;         /* (nullable): addresses of metrics */
  gchar *zone;            /* (nullable): name of the zone; NULL: all faces of a frame count */
  gdouble above;          /* the condition is met when the value is above this limit */
  gdouble until;          /* the condition ends when the value is at or below this limit */
  gint64 patience;        /* time for which the condition must be met before the alert fires, ms */
  /* time for which the condition must have ended before the alert ends, ms */
  gint64 calm;
  gint64 hold; /* time for which a value counts if no newer one comes, ms */
  /* time after which an alert about a subject ends if the subject isn't seen any more, ms */
  gint64 forget;
  gchar *severity;
  AlertsQuiet *quiet; /* (nullable) */
  GPtrArray *targets; /* array of AlertsTarget; AlertsRules owns the targets */
} AlertsRule;

typedef struct {
  GPtrArray *rules;   /* of AlertsRule */
  GPtrArray *targets; /* of AlertsTarget */
} AlertsRules;

/**
 * alerts_rules_parse:
 * @file: name of the rule file, for error messages
 * @text: contents of the rule file
 * @error: G_OPTION_ERROR_BAD_VALUE, with the text `FILE:LINE: ` and what is wrong
 *
 * Also reads the files of secrets, passwords and addresses that the rule file names.
 *
 * Returns: (nullable) (transfer full): the rules
 */
AlertsRules *alerts_rules_parse (const gchar *file, const gchar *text, GError **error);
AlertsRules *alerts_rules_load (const gchar *file, GError **error);
void alerts_rules_free (AlertsRules *self);

/* These two functions return (nullable) the rule or the target with this name. */
AlertsRule *alerts_rules_find (const AlertsRules *self, const gchar *name);
AlertsTarget *alerts_rules_find_target (const AlertsRules *self, const gchar *name);

const gchar *alerts_kind_name (AlertsKind kind);
/* Returns the type of the subjects of rules of this kind: "camera", "replica" or "series". */
const gchar *alerts_kind_get_subject (AlertsKind kind);
/* Returns: (nullable): the metric that rules of this kind check; NULL if they check no metrics */
const AlertsMetric *alerts_kind_get_metric (AlertsKind kind);
/* Returns whether rules of this kind fire because no message comes, and not because of a value. */
gboolean alerts_kind_is_silence (AlertsKind kind);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlertsRules, alerts_rules_free)

G_END_DECLS
