/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The cluster and the name of a topic. */
typedef struct {
  gchar *servers;     /* bootstrap servers */
  gchar *config_file; /* nullable */
  gchar *topic;
  gchar *group; /* nullable: consumer group of the stage that reads the topic */
} LiveSource;

/* The settings from the environment variables, which are those of the stages. */
typedef struct {
  LiveSource frames, events, reports;
  gchar *uri_file; /* nullable: of the database */
  gchar *database, *collection;
} LiveSettings;

/* Returns: (nullable) (transfer full): the value of the environment variable @name; @fallback if
 * the variable is unset or empty */
gchar *live_setting (const gchar *name, const gchar *fallback);
void live_settings_read (LiveSettings *self);
void live_settings_clear (LiveSettings *self);

G_END_DECLS
