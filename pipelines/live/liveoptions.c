/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveoptions.h"

#include <gio/gio.h>
#include <gst/gst.h>

#include "fogfile.h"

#define DEFAULT_LISTEN "127.0.0.1:8090"
#define DEFAULT_VIEWERS 64
#define MOST_VIEWERS 1000

/* The options of the command line, before they are checked. */
typedef struct {
  gchar *listen, *token_file, *blur, *zones_file;
  gint max_viewers, control;
} Line;

void
live_options_free (LiveOptions *self)
{
  live_settings_clear (&self->settings);
  g_free (self->address);
  g_free (self->token);
  g_free (self->zones_file);
  g_free (self);
}

const gchar *
live_blur_name (LiveBlur blur)
{
  static const gchar *const names[] = {"none", "faces", "picture"};

  return names[blur];
}

LiveBrokers
live_options_get_brokers (const LiveOptions *self)
{
  return (LiveBrokers){
      .frames = {self->settings.frames.servers, self->settings.frames.config_file},
      .events = {self->settings.events.servers, self->settings.events.config_file},
  };
}

static gboolean
fail (GError **error, const gchar *format, const gchar *what)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, what);
  return FALSE;
}

gboolean
live_blur_parse (const gchar *text, LiveBlur *blur, GError **error)
{
  for (*blur = LIVE_BLUR_NONE; *blur <= LIVE_BLUR_PICTURE; (*blur)++)
    if (g_strcmp0 (text ? text : "none", live_blur_name (*blur)) == 0)
      return TRUE;
  return fail (error, "--blur takes none, faces or picture, not \"%s\".", text);
}

static gboolean
read_address (LiveOptions *self, const gchar *text, GError **error)
{
  g_autoptr (GSocketConnectable) parsed = g_network_address_parse (text, 8090, NULL);
  g_autoptr (GInetAddress) address = NULL;

  if (parsed) {
    self->address = g_strdup (g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed)));
    self->port = g_network_address_get_port (G_NETWORK_ADDRESS (parsed));
    address = g_inet_address_new_from_string (self->address);
  }
  if (!address)
    return fail (
        error, "--listen takes an address and a port, as in 127.0.0.1:8090, not \"%s\".", text);
  if (!self->token && !g_inet_address_get_is_loopback (address))
    return fail (error,
        "Others could look at %s: that takes a token. Set LIVE_TOKEN, or give --token-file.", text);
  return TRUE;
}

static gboolean
read_token (LiveOptions *self, const gchar *file, GError **error)
{
  if (!file) {
    self->token = live_setting ("LIVE_TOKEN", NULL);
    return TRUE;
  }
  if (!fog_file_read (file, FOG_FILE_MAX, &self->token, NULL, error))
    return FALSE;
  g_strstrip (self->token);
  return TRUE;
}

static gboolean
read_line (LiveOptions *self, const Line *line, GError **error)
{
  if (line->max_viewers < 1 || line->max_viewers > MOST_VIEWERS)
    return fail (error, "--max-viewers takes a number from 1 to 1000.%s", "");
  if (line->control < -1)
    return fail (error, "--control takes the descriptor of a socket.%s", "");
  self->max_viewers = (guint) line->max_viewers;
  self->control = line->control;
  self->zones_file = g_strdup (line->zones_file);
  return live_blur_parse (line->blur, &self->blur, error) &&
         read_token (self, line->token_file, error) &&
         read_address (self, line->listen ? line->listen : DEFAULT_LISTEN, error);
}

LiveOptions *
live_options_parse (gint *argc, gchar ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (LiveOptions) self = g_new0 (LiveOptions, 1);
  Line line = {.max_viewers = DEFAULT_VIEWERS, .control = -1};
  const GOptionEntry entries[] = {
      {"listen", 0, 0, G_OPTION_ARG_STRING, &line.listen,
          "where to listen (" DEFAULT_LISTEN
          "); port 0: any free one; elsewhere than on loopback it takes a token",
          "ADDRESS:PORT"},
      {"token-file", 0, 0, G_OPTION_ARG_FILENAME, &line.token_file,
          "a file that holds the token which viewers must give (LIVE_TOKEN)", "FILE"},
      {"blur", 0, 0, G_OPTION_ARG_STRING, &line.blur,
          "faces: the faces that were found; picture: every picture as a whole (none)", "WHAT"},
      {"max-viewers", 0, 0, G_OPTION_ARG_INT, &line.max_viewers, "viewers at a time (64)", "N"},
      {"zones-file", 0, 0, G_OPTION_ARG_FILENAME, &line.zones_file,
          "haarfacecount's zones-file, which viewers may then edit (none)", "FILE"},
      {"control", 0, 0, G_OPTION_ARG_INT, &line.control,
          "a connected socket, for what viewers may do to the system (none)", "DESCRIPTOR"},
      {NULL},
  };
  gboolean read;

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, argc, argv, error))
    return NULL;
  live_settings_read (&self->settings);
  read = *argc == 1 ? read_line (self, &line, error)
                    : fail (error, "There is no argument \"%s\"; see --help.", (*argv)[1]);
  g_free (line.listen);
  g_free (line.token_file);
  g_free (line.blur);
  g_free (line.zones_file);
  return read ? g_steal_pointer (&self) : NULL;
}
