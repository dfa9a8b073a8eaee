/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctorcluster.h"

#include <gio/gio.h>
#include <string.h>

#include "client/gstkafkatopics.h"
#include "doctorclient.h"
#include "doctorjudge.h"

#define CONNECT_TIME 3 /* s */

/* --- what the stages use --- */

static void
use_free (gpointer data)
{
  DoctorUse *self = data;

  g_free (self->topic);
  g_free (self->group);
  g_free (self);
}

static void
cluster_free (gpointer data)
{
  DoctorCluster *self = data;

  g_free (self->servers);
  g_free (self->config_file);
  g_ptr_array_unref (self->uses);
  g_free (self);
}

static DoctorCluster *
ensure_cluster (GPtrArray *clusters, GstElement *element)
{
  g_autofree gchar *servers = doctor_client_dup_servers (element);
  g_autofree gchar *file = NULL;
  DoctorCluster *self;

  g_object_get (element, "config-file", &file, NULL);
  for (guint i = 0; i < clusters->len; i++) {
    self = g_ptr_array_index (clusters, i);
    if (g_str_equal (self->servers, servers) && g_strcmp0 (self->config_file, file) == 0)
      return self;
  }
  self = g_new0 (DoctorCluster, 1);
  self->servers = g_steal_pointer (&servers);
  self->config_file = g_steal_pointer (&file);
  self->uses = g_ptr_array_new_with_free_func (use_free);
  g_ptr_array_add (clusters, self);
  return self;
}

static void
add_use (const DoctorStage *stage, GstElement *element, const gchar *factory, gpointer data)
{
  gboolean writes = g_str_equal (factory, "kafkasink");
  DoctorUse *use;

  if (!writes && !g_str_equal (factory, "kafkasrc"))
    return;
  use = g_new0 (DoctorUse, 1);
  use->stage = stage->name;
  use->element = element;
  use->writes = writes;
  g_object_get (element, "topic", &use->topic, NULL);
  if (!writes)
    g_object_get (element, "group-id", &use->group, NULL);
  g_ptr_array_add (ensure_cluster (data, element)->uses, use);
}

GPtrArray *
doctor_clusters_new (const GPtrArray *stages)
{
  GPtrArray *clusters = g_ptr_array_new_with_free_func (cluster_free);

  for (guint i = 0; i < stages->len; i++)
    doctor_stage_foreach (g_ptr_array_index (stages, i), add_use, clusters);
  return clusters;
}

/* --- what brokers advertise --- */

/* A broker from the cluster's metadata. */
typedef struct {
  const DoctorCluster *cluster;
  GstElement *element;
  const gchar *id; /* the cluster's id */
  gchar *about;
  const gchar *host;
  gint port;
} Broker;

static const gchar *advertised_why =
    "Clients are sent there for every partition that this broker leads, so no frame gets through.";

static void
refuse_broker (const Broker *self, const gchar *why, DoctorFindings *findings)
{
  doctor_add (findings, DOCTOR_BAD, self->about, advertised_why,
      "Set advertised.listeners of the broker to an address that this machine reaches, or mend "
      "name resolution and the network here.",
      "It advertises %s:%d, which can't be used from here: %s", self->host, self->port, why);
}

/* Resolves the broker's name, and opens a TCP connection to it. */
static gboolean
connect_to (const Broker *self, GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnectable) address = g_network_address_new (self->host, (guint16) self->port);
  g_autoptr (GSocketConnection) connection = NULL;

  g_socket_client_set_timeout (client, CONNECT_TIME);
  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect (client, address, NULL, error);
  return connection != NULL;
}

/* Returns: (transfer full) (nullable): the reason why a client can't use the broker, for example
 * because its certificate has another name, its listener has another protocol, or another cluster
 * answers at its address; NULL if it can. */
static gchar *
find_fault (const Broker *self)
{
  g_autofree gchar *servers =
      g_strdup_printf (strchr (self->host, ':') ? "[%s]:%d" : "%s:%d", self->host, self->port);
  const DoctorClientWish wish = {RD_KAFKA_CONSUMER, servers, NULL};
  g_autoptr (GError) error = NULL;
  g_autoptr (DoctorClient) client = doctor_client_new (self->element, &wish, &error);
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err;
  char *id;
  gboolean same;

  if (!client)
    return g_strdup (error->message);
  if ((err = doctor_client_ask (client, NULL, &metadata)))
    return doctor_client_explain (client, "use it", err);
  rd_kafka_metadata_destroy (metadata);
  id = rd_kafka_clusterid (client->rk, DOCTOR_ANSWER_TIME);
  same = !id || !self->id || g_str_equal (id, self->id);
  rd_kafka_mem_free (client->rk, id);
  return same ? NULL : g_strdup ("another cluster answers there.");
}

/* Returns TRUE if all bootstrap servers have addresses of this machine. */
static gboolean
is_local (const gchar *servers)
{
  g_auto (GStrv) list = g_strsplit (servers, ",", -1);
  gboolean local = TRUE;

  for (guint i = 0; list[i]; i++) {
    g_autoptr (GSocketConnectable) one = g_network_address_parse (g_strstrip (list[i]), 9092, NULL);

    local = local && one &&
            doctor_is_own_host (g_network_address_get_hostname (G_NETWORK_ADDRESS (one)));
  }
  return local;
}

static gboolean
check_broker (const Broker *self, DoctorFindings *findings)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *fault = NULL;

  if (!connect_to (self, &error)) {
    refuse_broker (self, error->message, findings);
    return FALSE;
  }
  if ((fault = find_fault (self))) {
    refuse_broker (self, fault, findings);
    return FALSE;
  }
  if (doctor_is_own_host (self->host) && !is_local (self->cluster->servers))
    doctor_add (findings, DOCTOR_WARN, self->about,
        "Stages on other machines can't use this broker.",
        "Set advertised.listeners of the broker to an address that all machines with stages reach.",
        "The broker advertises %s:%d, which is this machine.", self->host, self->port);
  else
    doctor_add (findings, DOCTOR_GOOD, self->about, NULL, NULL,
        "It is reached at the address that it advertises, %s:%d.", self->host, self->port);
  return TRUE;
}

/* --- the cluster --- */

static gboolean
joins_group (const DoctorCluster *self)
{
  for (guint i = 0; i < self->uses->len; i++)
    if (((const DoctorUse *) g_ptr_array_index (self->uses, i))->group)
      return TRUE;
  return FALSE;
}

static void
check_broker_settings (const DoctorCluster *self, DoctorClient *client,
    const struct rd_kafka_metadata *metadata, DoctorFindings *findings)
{
  for (gint i = 0; i < metadata->broker_cnt; i++) {
    g_autofree gchar *id = g_strdup_printf ("%d", metadata->brokers[i].id);
    g_autofree gchar *about = g_strdup_printf ("broker %s", id);
    g_autoptr (GHashTable) config =
        doctor_client_get_config (client->rk, RD_KAFKA_RESOURCE_BROKER, id);

    if (config)
      doctor_judge_broker (about, config, metadata->broker_cnt, joins_group (self), findings);
    else
      doctor_add (findings, DOCTOR_NOTE, about, NULL,
          "Grant DescribeConfigs on the cluster to have the broker's settings tested.",
          "The user may not ask for the broker's settings, so they aren't tested.");
  }
}

static void
check_brokers (DoctorCluster *self, DoctorClient *client, const struct rd_kafka_metadata *metadata,
    DoctorFindings *findings)
{
  const DoctorUse *use = g_ptr_array_index (self->uses, 0);
  char *id = rd_kafka_clusterid (client->rk, DOCTOR_ANSWER_TIME);

  self->brokers = metadata->broker_cnt;
  self->usable = TRUE;
  for (gint i = 0; i < metadata->broker_cnt; i++) {
    g_autofree gchar *about = g_strdup_printf ("broker %d", metadata->brokers[i].id);
    const Broker broker = {
        self, use->element, id, about, metadata->brokers[i].host, metadata->brokers[i].port};

    self->usable &= check_broker (&broker, findings);
  }
  rd_kafka_mem_free (client->rk, id);
  if (self->usable)
    check_broker_settings (self, client, metadata, findings);
}

static void
refuse_cluster (const DoctorCluster *self, const gchar *why, DoctorFindings *findings)
{
  doctor_add (findings, DOCTOR_BAD, "kafka", "No stage gets or sends anything.",
      "Correct FOG_KAFKA or CLOUD_KAFKA, and KAFKA_CONFIG, or start the brokers.", "%s", why);
}

void
doctor_cluster_check (gpointer data, DoctorFindings *findings)
{
  DoctorCluster *self = data;
  const DoctorUse *use = g_ptr_array_index (self->uses, 0);
  const DoctorClientWish wish = {RD_KAFKA_CONSUMER, NULL, NULL};
  g_autoptr (GError) error = NULL;
  g_autoptr (DoctorClient) client = doctor_client_new (use->element, &wish, &error);
  g_autofree gchar *tried = g_strdup_printf ("reach the brokers at %s", self->servers);
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err;

  if (!client) {
    refuse_cluster (self, error->message, findings);
    return;
  }
  if ((err = doctor_client_ask (client, NULL, &metadata))) {
    g_autofree gchar *why = doctor_client_explain (client, tried, err);

    refuse_cluster (self, why, findings);
    return;
  }
  check_brokers (self, client, metadata, findings);
  rd_kafka_metadata_destroy (metadata);
}

/* --- topics --- */

static void
topic_use_free (gpointer data)
{
  DoctorTopicUse *self = data;

  g_free (self->name);
  g_ptr_array_unref (self->uses);
  g_free (self);
}

static DoctorTopicUse *
ensure_topic (
    GPtrArray *topics, const DoctorCluster *cluster, const DoctorSystem *system, const gchar *name)
{
  DoctorTopicUse *self;

  for (guint i = 0; i < topics->len; i++) {
    self = g_ptr_array_index (topics, i);
    if (g_str_equal (self->name, name))
      return self;
  }
  self = g_new0 (DoctorTopicUse, 1);
  *self = (DoctorTopicUse){cluster, system, g_strdup (name), g_ptr_array_new ()};
  g_ptr_array_add (topics, self);
  return self;
}

static void
add_names (GPtrArray *topics, const DoctorCluster *cluster, const DoctorSystem *system,
    DoctorUse *use, DoctorFindings *findings)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = gst_kafka_topics_parse (use->topic, &error);

  if (!names) {
    doctor_add (findings, DOCTOR_BAD, use->stage, "The stage doesn't start.",
        "Correct the topic's name.", "%s", error->message);
    return;
  }
  for (guint i = 0; names[i]; i++)
    if (names[i][0] == '^' || strstr (names[i], "%{"))
      doctor_add (findings, DOCTOR_NOTE, use->stage, NULL, NULL,
          "Topics of the pattern %s aren't tested.", names[i]);
    else
      g_ptr_array_add (ensure_topic (topics, cluster, system, names[i])->uses, use);
}

GPtrArray *
doctor_cluster_get_topics (
    const DoctorCluster *self, const DoctorSystem *system, DoctorFindings *findings)
{
  GPtrArray *topics = g_ptr_array_new_with_free_func (topic_use_free);

  for (guint i = 0; i < self->uses->len; i++)
    add_names (topics, self, system, g_ptr_array_index (self->uses, i), findings);
  return topics;
}
