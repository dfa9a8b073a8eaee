/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "client/gstkafkaclient.h"

G_BEGIN_DECLS

/* Time (ms) within which a broker has to answer. */
#define DOCTOR_ANSWER_TIME 6000

/* A Kafka client with the config-file and the security settings of a kafkasink or kafkasrc. */
typedef struct {
  GstKafkaFault *fault; /* what the callbacks of @rk report */
  rd_kafka_t *rk;
  rd_kafka_resp_err_t delivered; /* error code in a producer's latest delivery report */
  gboolean reported;
} DoctorClient;

typedef struct {
  rd_kafka_type_t type;
  const gchar *servers; /* (nullable): NULL: the element's servers */
  const gchar *group;   /* (nullable): a consumer's group */
} DoctorClientWish;

/* Returns: (nullable) (transfer full): the client; NULL with @error, which says what to change. A
 * client that is a consumer commits nothing and creates no topic. A client that is a producer sends
 * each message with acks=2, which makes brokers refuse the message, but only after they have
 * checked the right to write. */
DoctorClient *doctor_client_new (GstElement *element, const DoctorClientWish *wish, GError **error);
void doctor_client_free (DoctorClient *self);

/* Returns: (transfer full): a sentence about the error, the same as in the elements' error
 * messages. @tried: what was tried, such as "reach the brokers" */
gchar *doctor_client_explain (DoctorClient *self, const gchar *tried, rd_kafka_resp_err_t err);

/* Requests metadata, and waits for the answer, unless access is refused. @topic: (nullable): the
 * topic; NULL: only the brokers are listed. @metadata: (out): set on success; the caller destroys
 * it */
rd_kafka_resp_err_t doctor_client_ask (
    DoctorClient *self, const gchar *topic, const struct rd_kafka_metadata **metadata);

/* Returns: (nullable) (transfer full) (element-type utf8 utf8): the settings of a topic or a
 * broker; NULL if the user has no right to read them, or if no answer came */
GHashTable *doctor_client_get_config (
    rd_kafka_t *rk, rd_kafka_ResourceType_t type, const gchar *name);

/* Returns: (transfer full): the element's bootstrap-servers. */
gchar *doctor_client_dup_servers (GstElement *element);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DoctorClient, doctor_client_free)

G_END_DECLS
