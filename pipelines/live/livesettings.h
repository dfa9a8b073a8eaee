/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where the messages of one topic are. */
typedef struct {
  gchar *servers;     /* bootstrap servers */
  gchar *config_file; /* nullable */
  gchar *topic;
  gchar *group; /* nullable: who reads it, in the system */
} LiveSource;

/* The settings in the environment, in the variables of the stages. */
typedef struct {
  LiveSource frames, events, reports;
  gchar *uri_file; /* nullable: of the database */
  gchar *database, *collection;
} LiveSettings;

/* Returns: (nullable) (transfer full): the variable @name; @fallback if it is unset or empty */
gchar *live_setting (const gchar *name, const gchar *fallback);
void live_settings_read (LiveSettings *self);
void live_settings_clear (LiveSettings *self);

G_END_DECLS
