/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsbook.h"
#include "livesettings.h"

G_BEGIN_DECLS

/* Reads all partitions of a topic. A message is committed only when it isn't needed after a restart
 * any more. The first run of a group begins behind the newest message. */
typedef struct _AlertsInput AlertsInput;

typedef struct {
  void (*take) (const AlertsMessage *message, gpointer data);
  /* Called when the topic was created again, so that the offsets of this partition aren't valid any
   * more. */
  void (*forget) (gint source, gint partition, gpointer data);
  gpointer data;
} AlertsReader;

/* Keeps pointers to @source and @reader. @error: the settings are wrong */
AlertsInput *alerts_input_new (
    const LiveSource *source, gint role, const AlertsReader *reader, GError **error);
void alerts_input_free (AlertsInput *self);

/* Reads the messages that have come. */
void alerts_input_poll (AlertsInput *self);
/* Returns the time up to which all messages were read, ms since the Unix epoch; 0: none yet. */
gint64 alerts_input_get_known (AlertsInput *self);
/* Commits the messages that @book doesn't need any more. */
void alerts_input_commit (AlertsInput *self, AlertsBook *book);
/* Waits for the answer to the last commit, for at most 2 s. */
void alerts_input_flush (AlertsInput *self);

G_END_DECLS
