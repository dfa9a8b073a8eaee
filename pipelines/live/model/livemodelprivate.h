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
  GHashTable *looks;    /* maps a camera to gint64: the time until which its frames are wanted */
  /* maps a camera to a text that identifies the frame that was sent last, and whether it was
   * counted */
  GHashTable *shown;
  GHashTable *answers; /* frame id: LiveAnswer */
  GQueue answer_order; /* queue of LiveAnswer, the oldest first; owns them */
  LiveHistory *history;
  LiveBacklog backlogs[LIVE_TOPICS];
  gchar *trouble[LIVE_BACKENDS]; /* NULL: it answers */
  gint64 server_since[LIVE_BACKENDS];
  gint64 confirmed; /* time of the latest request that Kafka answered; 0: none yet */
  /* s from a frame's capture, and from its counting, to its arrival here; NAN: not known */
  gdouble frame_way, event_way;
  gint64 reading_since; /* since when frames are read; 0: they aren't */
  /* number of cameras and replicas that were ignored: too many, or without a usable name */
  guint64 ignored;
  guint64 unreadable;     /* number of unreadable reports and events */
  JsonNode *actions;      /* list of what viewers can do; NULL: nothing */
  gint64 sampled, ticked; /* times of the last sample and of the last tick */
  LiveSample sample;
  gchar *sentence;
  LiveLevel level;
  gint64 since; /* since when @level is what it is */
};

/* Summarises the state: the sentence, its level, the sample. Called with self->lock */
void live_model_judge (LiveModel *self, gint64 now);

G_END_DECLS
