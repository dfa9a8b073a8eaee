/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/livemodel.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* Measures the lag of the consumer group that reads a topic: a thread queries the group's offsets
 * once a second, without joining the group. The thread also reports whether Kafka answers. */
typedef struct _LiveGroup LiveGroup;

/* Keeps a pointer to @source. @backend: the Kafka cluster whose trouble this object reports;
 * LIVE_BACKENDS: none, because another LiveGroup reports it. @error: GST_RESOURCE_ERROR: the
 * settings are wrong */
LiveGroup *live_group_new (const LiveSource *source, LiveModel *model, LiveTopicRole role,
    LiveBackend backend, GError **error);
void live_group_free (LiveGroup *self);

G_END_DECLS
