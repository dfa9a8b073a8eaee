/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "livehistory.h"
#include "livemodel.h"
#include "livesentence.h"

G_BEGIN_DECLS

/* State shared by livemodel.c, which receives messages, and livemodelview.c, which summarises
 * them. */
struct _LiveModel {
  LiveFrames *frames; /* has its own lock, which is taken after @lock */
  LiveBrokers brokers;
  gchar *blur;
  GMutex lock;          /* guards all fields below */
  GHashTable *cameras;  /* name: LiveCamera */
  GHashTable *replicas; /* name: LiveReplica */
  /* maps a camera's name to the time (gint64) until which viewers want its frames */
  GHashTable *looks;
  /* maps a camera's name to a text with the id of the frame that was last sent to viewers, and
   * whether that frame was counted */
  GHashTable *shown;
  GHashTable *answers; /* frame id: LiveAnswer */
  GQueue answer_order; /* queue of LiveAnswer, the oldest first; owns the answers */
  LiveHistory *history;
  LiveBacklog backlogs[LIVE_TOPICS];
  gchar *trouble[LIVE_BACKENDS]; /* reason why each server doesn't answer; NULL: it answers */
  gint64 server_since[LIVE_BACKENDS];
  gchar *missing[LIVE_TOPICS]; /* name of a topic that doesn't exist; NULL: it exists */
  gint64 missing_since[LIVE_TOPICS];
  gint64 confirmed; /* time when the latest request that Kafka has answered was sent; 0: none yet */
  /* time from a frame's capture until the frame arrives here, and from its count until the event
   * arrives here, s; NAN: not known */
  gdouble frame_way, event_way;
  gint64 reading_since; /* time since which frames are read; 0: they aren't read */
  /* number of cameras and replicas that were ignored because there are too many, or because they
   * have no usable name */
  guint64 ignored;
  guint64 unreadable;     /* number of unreadable reports and events */
  JsonNode *actions;      /* list of the actions that viewers can cause; NULL: none */
  gint64 sampled, ticked; /* times of the last sample and of the last tick */
  LiveSample sample;
  gchar *sentence;
  LiveLevel level;
  gint64 since; /* time of the last change of @level */
};

/* Computes the summary of the state: @sentence, @level and @sample. Called with self->lock */
void live_model_judge (LiveModel *self, gint64 now);

G_END_DECLS
