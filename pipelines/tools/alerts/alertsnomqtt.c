/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This file is compiled in place of alertsmqtt.c if libmosquitto isn't installed. */
#include "alertsmqtt.h"

AlertsMqtt *
alerts_mqtt_new (const AlertsTarget *target, GError **error)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "target %s: this fog-alerts was built without MQTT (libmosquitto)", target->name);
  return NULL;
}

void
alerts_mqtt_free (AlertsMqtt *self)
{
}

void
alerts_mqtt_send (
    AlertsMqtt *self, const AlertsNotice *notice, AlertsAnswered answered, gpointer data)
{
}
