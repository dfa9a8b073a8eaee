/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "liveframes.h"
#include "liveoptions.h"
#include "livereplica.h"

G_BEGIN_DECLS

/* The state of the system, as learned from the messages of its topics. Any thread may use the
 * model. Times are ms since the Unix epoch. */
typedef struct _LiveModel LiveModel;

typedef enum {
  LIVE_KAFKA,       /* the Kafka cluster of the topics of frames and reports */
  LIVE_CLOUD_KAFKA, /* the Kafka cluster of the topic of events, if it is another cluster */
  LIVE_DATABASE,
  LIVE_BACKENDS
} LiveBackend;

/* The two topics whose consumer groups' lag is measured. */
typedef enum { LIVE_CAMERA_TOPIC, LIVE_EVENT_TOPIC, LIVE_TOPICS } LiveTopicRole;

/* The lag of the consumer group that reads a topic. */
typedef struct {
  gint64 waiting; /* messages; -1: not known */
  gdouble lag;    /* s; NAN: not known */
  gdouble rate;   /* messages/s that come; NAN: not known */
} LiveBacklog;

/* @brokers: brokers for command lines, whose texts must live as long as the model; @blur: a text
 * that says what is blurred. */
LiveModel *live_model_new (const LiveBrokers *brokers, const gchar *blur, gint64 now);
void live_model_free (LiveModel *self);

void live_model_take_report (LiveModel *self, const FogReport *report, gint64 now);
void live_model_take_answer (LiveModel *self, LiveAnswer *answer, gint64 now);
void live_model_take_frame (LiveModel *self, LiveFrame *frame, gint64 now);
/* Notes whether a server answers. @trouble: (nullable): the reason why it doesn't answer; NULL: it
 * answers */
void live_model_set_trouble (LiveModel *self, LiveBackend server, const gchar *trouble, gint64 now);
/* Notes whether a topic exists. @name: (nullable): the name of the topic if it doesn't exist; NULL:
 * it exists */
void live_model_set_missing (LiveModel *self, LiveTopicRole topic, const gchar *name, gint64 now);
/* To be called when Kafka has answered a request that was sent at @asked. Cameras and replicas
 * count as silent only up to the latest @asked. */
void live_model_confirm_kafka (LiveModel *self, gint64 asked);
void live_model_set_backlog (LiveModel *self, LiveTopicRole topic, const LiveBacklog *backlog);
/* To be called for a message that isn't a valid event or report. */
void live_model_count_unreadable (LiveModel *self);

/* @actions: (nullable): a JSON list of the actions that viewers can cause; NULL: none. */
void live_model_set_actions (LiveModel *self, JsonNode *actions);
/* Adds a mark to the history: one sentence about an action that viewers or a key have caused. */
void live_model_note (LiveModel *self, const gchar *text, gint64 now);

/* Notes that a viewer wants frames of @camera until the time @until. */
void live_model_look (LiveModel *self, const gchar *camera, gint64 until);
/* Returns whether a viewer wants frames of any camera. */
gboolean live_model_is_watched (LiveModel *self, gint64 now);

/* Sets whether frames are being read. */
void live_model_set_reading (LiveModel *self, gboolean reading, gint64 now);

/* Detects which cameras and replicas have stopped, and adds a sample to the history each second; to
 * be called twice a second. */
void live_model_tick (LiveModel *self, gint64 now);

/* Returns: (transfer full): the metrics in Prometheus' text format. */
gchar *live_model_make_metrics (LiveModel *self, const LiveOptions *options, gint64 now);

/* These two functions return (transfer full) STATE of pipelines/live/README.md, and the answer of
 * its path /api/history, as JSON. */
GBytes *live_model_make_state (LiveModel *self, gint64 now);
GBytes *live_model_make_history (LiveModel *self);
/* Returns: (nullable): as JSON, the newest frames of the watched cameras whose newest frame has
 * changed since the last call. */
GBytes *live_model_make_frames (LiveModel *self, gint64 now);
GBytes *live_model_take_mark (LiveModel *self);

/* Returns: (nullable) (transfer full): the fog's answer about the frame @id; NULL if the answer
 * isn't known or too old. */
LiveAnswer *live_model_find_answer (LiveModel *self, const gchar *id);
/* Returns the time of capture up to which a frame of @camera without an event has no faces.
 * @answered: time of capture of the newest frame that is known to have an event; 0: none */
gint64 live_model_get_settled (LiveModel *self, const gchar *camera, gint64 answered);
/* Returns the time of capture of the newest frame of @camera that was seen or counted; 0: none is
 * known. */
gint64 live_model_get_newest (LiveModel *self, const gchar *camera);
LiveFrames *live_model_get_frames (LiveModel *self);
/* Returns: (nullable) (transfer full): the reason why no topic can be read; NULL if topics can be
 * read. */
gchar *live_model_dup_trouble (LiveModel *self);

G_END_DECLS
