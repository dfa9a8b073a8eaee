/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertswebhook.h"

G_BEGIN_DECLS

/* Publishes notices to the topic of a target by MQTT, with QoS 1. After an error the client
 * connects again by itself. */
typedef struct _AlertsMqtt AlertsMqtt;

/* Keeps a pointer to @target. @error: the target's ca-file can't be used, or this build has no
 * MQTT */
AlertsMqtt *alerts_mqtt_new (const AlertsTarget *target, GError **error);
/* Ends sending, and frees the object. The callbacks of pending notices run before this function
 * returns. */
void alerts_mqtt_free (AlertsMqtt *self);
/* Sends a notice. @answered is called from the main loop when the broker has acknowledged the
 * notice, or at once if there is no connection. */
void alerts_mqtt_send (
    AlertsMqtt *self, const AlertsNotice *notice, AlertsAnswered answered, gpointer data);

G_END_DECLS
