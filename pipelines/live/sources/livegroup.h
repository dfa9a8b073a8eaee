/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/livemodel.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* Measures the lag of the group that reads a topic: queries it once a second, without joining it.
 * The thread also finds whether Kafka answers at all. */
typedef struct _LiveGroup LiveGroup;

/* @source is kept by reference; @backend: whose trouble it reports; LIVE_BACKENDS: another group
 * reports it. @error: GST_RESOURCE_ERROR: the settings are wrong */
LiveGroup *live_group_new (const LiveSource *source, LiveModel *model, LiveTopicRole role,
    LiveBackend backend, GError **error);
void live_group_free (LiveGroup *self);

G_END_DECLS
