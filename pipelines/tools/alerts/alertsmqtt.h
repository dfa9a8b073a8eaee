/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertswebhook.h"

G_BEGIN_DECLS

/* Publishes notices to the topic of a target by MQTT, with QoS 1. It connects again by itself. */
typedef struct _AlertsMqtt AlertsMqtt;

/* @target: kept by reference. @error: its ca-file can't be used, or this build has no MQTT */
AlertsMqtt *alerts_mqtt_new (const AlertsTarget *target, GError **error);
/* Ends what is under way; its callbacks run before this returns. */
void alerts_mqtt_free (AlertsMqtt *self);
/* Calls @answered from the main loop once the broker has acknowledged the notice, or at once if
 * there is no connection. */
void alerts_mqtt_send (
    AlertsMqtt *self, const AlertsNotice *notice, AlertsAnswered answered, gpointer data);

G_END_DECLS
