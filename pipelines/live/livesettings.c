/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livesettings.h"

#define DEFAULT_KAFKA "localhost:9092"

gchar *
live_setting (const gchar *name, const gchar *fallback)
{
  const gchar *value = g_getenv (name);

  return g_strdup (value && *value ? value : fallback);
}

static LiveSource
make_source (const gchar *servers, const gchar *topic, const gchar *fallback)
{
  return (LiveSource){
      .servers = g_strdup (servers),
      .config_file = live_setting ("KAFKA_CONFIG", NULL),
      .topic = live_setting (topic, fallback),
  };
}

void
live_settings_read (LiveSettings *self)
{
  g_autofree gchar *fog = live_setting ("FOG_KAFKA", DEFAULT_KAFKA);
  g_autofree gchar *cloud = live_setting ("CLOUD_KAFKA", fog);

  self->frames = make_source (fog, "CAMERA_TOPIC", "camera");
  self->frames.group = live_setting ("FOG_GROUP", "fog");
  self->reports = make_source (fog, "FEEDBACK_TOPIC", "feedback");
  self->events = make_source (cloud, "DATABASE_TOPIC", "database");
  self->events.group = live_setting ("CLOUD_GROUP", "cloud");
  self->uri_file = live_setting ("MONGODB_URI_FILE", NULL);
  self->database = live_setting ("DATABASE", "fog");
  self->collection = live_setting ("COLLECTION", "events");
}

static void
source_clear (LiveSource *source)
{
  g_free (source->servers);
  g_free (source->config_file);
  g_free (source->topic);
  g_free (source->group);
}

void
live_settings_clear (LiveSettings *self)
{
  source_clear (&self->frames);
  source_clear (&self->events);
  source_clear (&self->reports);
  g_free (self->uri_file);
  g_free (self->database);
  g_free (self->collection);
}
