/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "livesettings.h"
#include "model/liveframe.h"

G_BEGIN_DECLS

typedef enum {
  LIVE_BLUR_NONE,
  LIVE_BLUR_FACES,
  LIVE_BLUR_PICTURE,
} LiveBlur;

/* The settings from the command line and from the environment. */
typedef struct {
  LiveSettings settings;
  gchar *address; /* address to listen at */
  guint16 port;
  gchar *token; /* nullable */
  LiveBlur blur;
  guint max_viewers;
  gchar *zones_file; /* nullable: haarfacecount's file of zones, which viewers may edit */
  gint control;      /* descriptor of a socket for viewers' requests; -1: none */
} LiveOptions;

/* Returns: (nullable) (transfer full): the options. @error: G_OPTION_ERROR, or an error of another
 * domain; its text is one sentence for users */
LiveOptions *live_options_parse (gint *argc, gchar ***argv, GError **error);
void live_options_free (LiveOptions *self);
const gchar *live_blur_name (LiveBlur blur);
/* Reads the name of a blur. @text: (nullable): the name; %NULL means no blur. @error:
 * G_OPTION_ERROR: no blur has this name */
gboolean live_blur_parse (const gchar *text, LiveBlur *blur, GError **error);
/* Returns the brokers for command lines. The returned texts are valid as long as @self. */
LiveBrokers live_options_get_brokers (const LiveOptions *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LiveOptions, live_options_free)

G_END_DECLS
