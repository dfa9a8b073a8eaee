/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "client/gstkafkaclient.h"

G_BEGIN_DECLS

/* ms within which a broker has to answer. */
#define DOCTOR_ANSWER_TIME 6000

/* A client with the settings of a kafkasink or kafkasrc: the same file, the same security. */
typedef struct {
  GstKafkaFault fault; /* the client's opaque */
  rd_kafka_t *rk;
  rd_kafka_resp_err_t delivered; /* of a producer: the last report's */
  gboolean reported;
} DoctorClient;

typedef struct {
  rd_kafka_type_t type;
  const gchar *servers; /* (nullable): NULL: those of the element */
  const gchar *group;   /* (nullable): of a consumer */
} DoctorClientWish;

/* (nullable) (transfer full): @error says what to change. A consumer commits nothing and makes no
 * topic. A producer's messages are refused by every broker, after the rights were checked. */
DoctorClient *doctor_client_new (GstElement *element, const DoctorClientWish *wish, GError **error);
void doctor_client_free (DoctorClient *self);

/* (transfer full): what went wrong, as the elements say it. @tried: "reach the brokers" */
gchar *doctor_client_explain (DoctorClient *self, const gchar *tried, rd_kafka_resp_err_t err);

/* Waits for an answer, but not once access is refused. @topic: (nullable): NULL: only brokers.
 * @metadata: (out): to be destroyed; set without an error */
rd_kafka_resp_err_t doctor_client_ask (
    DoctorClient *self, const gchar *topic, const struct rd_kafka_metadata **metadata);

/* (nullable) (transfer full) (element-type utf8 utf8): the settings of a topic or a broker; NULL:
 * the user may not ask, or there was no answer */
GHashTable *doctor_client_get_config (
    DoctorClient *self, rd_kafka_ResourceType_t type, const gchar *name);

/* Bootstrap servers, as the element was given them. */
gchar *doctor_client_dup_servers (GstElement *element);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DoctorClient, doctor_client_free)

G_END_DECLS
