/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "livecamera.h"
#include "livemodelprivate.h"
#include "prometheustext.h"

/* Largest number of cameras, and of replicas, that have samples of their own, so that the number of
 * label values is limited. */
#define MOST_NAMES 256

/* Adds a sample, unless the value is unknown (NAN). */
static void
add (PrometheusText *text, const gchar *name, const gchar *help, const gchar *labels, gdouble value)
{
  if (isfinite (value))
    prometheus_text_add (text, name, PROMETHEUS_GAUGE, help, labels, value);
}

static void
add_bound (PrometheusText *text, const LiveCamera *camera, gint64 now)
{
  static const gchar *const reasons[] = {"camera", "fog", "link", "minimum"};
  const gchar *why, *bound = live_camera_get_bound (camera, now, &why);

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++) {
    g_autofree gchar *labels =
        prometheus_labels ("camera", camera->name, "reason", reasons[i], NULL);

    add (text, "gstfog_rate_bound", "1 for what limits the camera's rate.", labels,
        g_str_equal (bound, reasons[i]));
  }
}

static void
add_camera (PrometheusText *text, const LiveCamera *camera, gint64 now)
{
  g_autofree gchar *labels = prometheus_labels ("camera", camera->name, NULL);
  gdouble age = camera->answered ? (gdouble) (now - camera->answered) / 1000 : (gdouble) NAN;

  add (text, "gstfog_camera_stopped", "1 while the camera gives no frame.", labels,
      camera->health == LIVE_CAMERA_STOPPED);
  add (text, "gstfog_rate_wanted", "Frames/s that the camera would send without a bound.", labels,
      camera->wanted > 0 ? camera->wanted : NAN);
  add (text, "gstfog_rate_given", "Frames/s that the camera sends.", labels, camera->given);
  add (text, "gstfog_newest_age_seconds", "Time since the capture of the newest frame counted.",
      labels, MAX (age, 0));
  add (text, "gstfog_newest_faces", "Faces in the newest frame counted.", labels,
      camera->answered ? camera->faces : (gdouble) NAN);
  add_bound (text, camera, now);
}

static void
add_replica (PrometheusText *text, const LiveReplica *replica)
{
  g_autofree gchar *labels = prometheus_labels ("replica", replica->name, NULL);

  add (text, "gstfog_replica_up", "1 while the replica reports.", labels,
      replica->state == LIVE_REPLICA_GOOD);
  add (text, "gstfog_replica_rate", "Frames/s that the replica counts.", labels, replica->rate);
  add (text, "gstfog_replica_capacity", "Frames/s that the replica could count.", labels,
      replica->capacity);
  add (text, "gstfog_replica_busy_ratio",
      "Fraction of the time for which the replica's workers were busy, 0 to 1.", labels,
      replica->busy);
  add (text, "gstfog_replica_waiting_messages", "Messages and frames that wait for the replica.",
      labels, (gdouble) replica->lag);
}

/* with self->lock */
static void
add_names (LiveModel *self, PrometheusText *text, gint64 now)
{
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->cameras);
  while (n++ < MOST_NAMES && g_hash_table_iter_next (&iter, NULL, &value))
    add_camera (text, value, now);
  n = 0;
  g_hash_table_iter_init (&iter, self->replicas);
  while (n++ < MOST_NAMES && g_hash_table_iter_next (&iter, NULL, &value))
    add_replica (text, value);
}

/* with self->lock */
static gdouble
sum_wanted (LiveModel *self)
{
  gdouble wanted = 0;
  GHashTableIter iter;
  LiveCamera *camera;

  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &camera))
    if (camera->health != LIVE_CAMERA_STOPPED)
      wanted += camera->wanted;
  return wanted;
}

/* with self->lock */
static void
add_whole (LiveModel *self, PrometheusText *text)
{
  gdouble capacity = self->sample[LIVE_SAMPLE_CAPACITY];

  add (text, "gstfog_cameras", "Cameras known.", NULL, g_hash_table_size (self->cameras));
  add (text, "gstfog_replicas", "Replicas that report.", NULL, self->sample[LIVE_SAMPLE_REPLICAS]);
  add (text, "gstfog_capacity", "Frames/s that the replicas can count.", NULL, capacity);
  add (text, "gstfog_rate_delivered", "Frames/s that the replicas do count.", NULL,
      self->sample[LIVE_SAMPLE_RATE]);
  add (text, "gstfog_demand", "Rate that all cameras want, divided by the fog's capacity.", NULL,
      capacity > 0 ? sum_wanted (self) / capacity : NAN);
  add (text, "gstfog_kafka_connected", "1 while Kafka answers.", NULL, !self->trouble[LIVE_KAFKA]);
  add (text, "gstfog_database_connected", "1 while the database answers.", NULL,
      !self->trouble[LIVE_DATABASE]);
  prometheus_text_add (text, "gstfog_rejected_total", PROMETHEUS_COUNTER,
      "Messages that were given up, by reason.", "reason=\"unreadable\"",
      (gdouble) self->unreadable);
}

/* with self->lock */
static void
add_backlog (PrometheusText *text, const LiveBacklog *backlog, const LiveSource *source)
{
  g_autofree gchar *labels =
      prometheus_labels ("topic", source->topic, "group", source->group, NULL);

  add (text, "gstfog_messages_waiting", "Messages that the group hasn't committed.", labels,
      backlog->waiting < 0 ? NAN : (gdouble) backlog->waiting);
  add (text, "gstfog_lag_seconds", "Time for which the oldest waiting message has waited.", labels,
      backlog->lag);
  add (text, "gstfog_topic_rate", "Messages/s that come.", labels, backlog->rate);
}

gchar *
live_model_make_metrics (LiveModel *self, const LiveOptions *options, gint64 now)
{
  PrometheusText *text = prometheus_text_new ();

  prometheus_text_add (text, "gstfog_build_info", PROMETHEUS_GAUGE, "Always 1.",
      "version=\"" PACKAGE_VERSION "\"", 1);
  g_mutex_lock (&self->lock);
  add_whole (self, text);
  add_backlog (text, &self->backlogs[LIVE_CAMERA_TOPIC], &options->settings.frames);
  add_backlog (text, &self->backlogs[LIVE_EVENT_TOPIC], &options->settings.events);
  add_names (self, text, now);
  g_mutex_unlock (&self->lock);
  return prometheus_text_end (text);
}
