/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveapi.h"

#include <string.h>

/* ms that a look lasts. */
#define LOOK_TIME 10000
/* Cameras that one look may name. */
#define LOOK_CAMERAS 256

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

static LiveReply
get_health (LiveApi *api, const LiveRequest *request)
{
  g_autofree gchar *trouble = live_model_dup_trouble (api->model);
  g_autofree gchar *text =
      trouble ? g_strdup_printf ("Kafka does not answer: %s\n", trouble) : NULL;

  return live_reply_text (text ? 503 : 200, text ? text : "ok\n");
}

static LiveReply
get_state (LiveApi *api, const LiveRequest *request)
{
  return live_reply_json (live_model_make_state (api->model, now_ms ()));
}

static LiveReply
get_history (LiveApi *api, const LiveRequest *request)
{
  return live_reply_json (live_model_make_history (api->model));
}

static LiveReply
get_look (LiveApi *api, const LiveRequest *request)
{
  GUriParamsIter iter;
  gchar *name, *value;
  guint n = 0;

  g_uri_params_iter_init (&iter, request->query, -1, "&", G_URI_PARAMS_WWW_FORM);
  while (g_uri_params_iter_next (&iter, &name, &value, NULL)) {
    if (g_str_equal (name, "camera") && n++ < LOOK_CAMERAS)
      live_model_look (api->model, value, now_ms () + LOOK_TIME);
    g_free (name);
    g_free (value);
  }
  return n ? (LiveReply){204} : live_reply_error (400, "Name at least one camera.");
}

const LiveRoute *
live_api_find (const gchar *path)
{
  static const LiveRoute routes[] = {
      {"/healthz", "GET", get_health, LIVE_HERE},
      {"/api/state", "GET", get_state, LIVE_HERE},
      {"/api/history", "GET", get_history, LIVE_HERE},
      {"/api/look", "GET", get_look, LIVE_HERE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (g_str_equal (routes[i].path, path))
      return &routes[i];
  return NULL;
}
