/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "liveframes.h"
#include "liveoptions.h"
#include "livereplica.h"

G_BEGIN_DECLS

/* The state of the system, as the messages of its topics show it. Any thread may use it. Times are
 * ms since the Unix epoch. */
typedef struct _LiveModel LiveModel;

typedef enum {
  LIVE_KAFKA,       /* the Kafka of frames and reports */
  LIVE_CLOUD_KAFKA, /* the Kafka of events, if that is another one */
  LIVE_DATABASE,
  LIVE_BACKENDS
} LiveBackend;

/* The two topics that a group reads. */
typedef enum { LIVE_CAMERA_TOPIC, LIVE_EVENT_TOPIC, LIVE_TOPICS } LiveTopicRole;

/* The lag of the consumer group of a topic. */
typedef struct {
  gint64 waiting; /* messages; -1: not known */
  gdouble lag;    /* s; NAN: not known */
  gdouble rate;   /* messages/s that come; NAN: not known */
} LiveBacklog;

/* @brokers: their texts must outlive the model; @blur: a text that says what is blurred. */
LiveModel *live_model_new (const LiveBrokers *brokers, const gchar *blur, gint64 now);
void live_model_free (LiveModel *self);

void live_model_take_report (LiveModel *self, const FogReport *report, gint64 now);
void live_model_take_answer (LiveModel *self, LiveAnswer *answer, gint64 now);
void live_model_take_frame (LiveModel *self, LiveFrame *frame, gint64 now);
/* @trouble: (nullable): the reason why the server doesn't answer; NULL: it does */
void live_model_set_trouble (LiveModel *self, LiveBackend server, const gchar *trouble, gint64 now);
/* To be called when Kafka has answered a request that was made at @asked: silence counts only up to
 * the latest such time. */
void live_model_confirm_kafka (LiveModel *self, gint64 asked);
void live_model_set_backlog (LiveModel *self, LiveTopicRole topic, const LiveBacklog *backlog);
/* To be called for a message that isn't what its topic should hold. */
void live_model_count_unreadable (LiveModel *self);

/* @actions: (nullable): a JSON list of what viewers can do to the system; NULL: nothing. */
void live_model_set_actions (LiveModel *self, JsonNode *actions);
/* Adds a mark: one sentence about an action on the system. */
void live_model_note (LiveModel *self, const gchar *text, gint64 now);

/* Notes that frames of @camera are wanted until @until. */
void live_model_look (LiveModel *self, const gchar *camera, gint64 until);
/* Returns whether frames of any camera are wanted. */
gboolean live_model_is_watched (LiveModel *self, gint64 now);

/* Sets whether frames are being read. */
void live_model_set_reading (LiveModel *self, gboolean reading, gint64 now);

/* To be called twice a second: notices which cameras and replicas have stopped, and takes a sample
 * each second. */
void live_model_tick (LiveModel *self, gint64 now);

/* Returns: (transfer full): the metrics in Prometheus' text format. */
gchar *live_model_make_metrics (LiveModel *self, const LiveOptions *options, gint64 now);

/* Returns: (transfer full): the state, and the history, as JSON. */
GBytes *live_model_make_state (LiveModel *self, gint64 now);
GBytes *live_model_make_history (LiveModel *self);
/* Returns: (nullable): the frames that changed since the last call. */
GBytes *live_model_make_frames (LiveModel *self, gint64 now);
GBytes *live_model_take_mark (LiveModel *self);

/* Returns: (nullable) (transfer full): the fog's result for the frame with this id, if it is
 * recent. */
LiveAnswer *live_model_find_answer (LiveModel *self, const gchar *id);
LiveFrames *live_model_get_frames (LiveModel *self);
/* Returns: (nullable) (transfer full): the reason why no topic can be read. */
gchar *live_model_dup_trouble (LiveModel *self);

G_END_DECLS
