/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "livehistory.h"
#include "livemodel.h"
#include "livesentence.h"

G_BEGIN_DECLS

/* State shared by livemodel.c, which receives messages, and livemodelview.c, which summarises
 * them. */
struct _LiveModel {
  LiveFrames *frames; /* has its own lock, which is taken after this one */
  LiveBrokers brokers;
  gchar *blur;
  GMutex lock;          /* guards all fields below */
  GHashTable *cameras;  /* name: LiveCamera */
  GHashTable *replicas; /* name: LiveReplica */
  GHashTable *looks;    /* maps a camera to gint64: the time until which its frames are wanted */
  /* maps a camera to the id of the frame that was sent last, with its count */
  GHashTable *shown;
  GHashTable *answers; /* frame id: LiveAnswer */
  GQueue answer_order; /* queue of LiveAnswer, the oldest first; owns them */
  LiveHistory *history;
  LiveBacklog backlogs[LIVE_TOPICS];
  gchar *trouble[LIVE_BACKENDS]; /* NULL: it answers */
  gint64 server_since[LIVE_BACKENDS];
  gdouble frame_way, event_way; /* s from capture to here, from the count to here; NAN: not known */
  gint64 reading_since;         /* frames are read, from then on; 0: they are not */
  guint64 ignored;              /* cameras and replicas that are too many, or have no usable name */
  guint64 unreadable;           /* reports and events */
  JsonNode *actions;            /* what viewers can do, a list; NULL: nothing */
  gint64 sampled, ticked;       /* when this was last done */
  LiveSample sample;
  gchar *sentence;
  LiveLevel level;
  gint64 since; /* of the level */
};

/* Summarises the state: the sentence, its level, the sample. Called with self->lock */
void live_model_judge (LiveModel *self, gint64 now);

G_END_DECLS
