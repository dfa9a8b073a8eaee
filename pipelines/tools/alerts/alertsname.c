/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsname.h"

#include <gio/gio.h>

#include "alertslog.h"

/* Largest number of addresses behind a name, because an answer from the network must not start any
 * number of requests. */
#define MAX_ADDRESSES 256

struct _AlertsName {
  gchar *host;
  gboolean fixed; /* flag: there is nothing to look up */
  AlertsFound found;
  gpointer data;
  GCancellable *ending;
  gboolean asking;
  gboolean warned; /* flag: it was logged that there are too many addresses */
  guint failures;  /* in a row */
};

/* --- answers --- */

static void
note_failure (AlertsName *self, const gchar *why)
{
  self->failures++;
  if (alerts_log_is_due (self->failures))
    g_message ("stages at %s: the name can't be looked up, %u times in a row (%s)", self->host,
        self->failures, why);
}

/* Chooses the family of the addresses that are asked, because a process with addresses of both
 * families is to be asked only once. */
static GSocketFamily
choose_family (const GList *addresses)
{
  for (const GList *link = addresses; link; link = link->next)
    if (g_inet_address_get_family (link->data) == G_SOCKET_FAMILY_IPV4)
      return G_SOCKET_FAMILY_IPV4;
  return G_SOCKET_FAMILY_IPV6;
}

static void
warn_of_many (AlertsName *self)
{
  if (!self->warned)
    g_message ("stages at %s: the name has more than %d addresses, and the others aren't asked",
        self->host, MAX_ADDRESSES);
  self->warned = TRUE;
}

/* Returns: (transfer full): the addresses as text, ended by NULL */
static GPtrArray *
list_addresses (AlertsName *self, const GList *addresses)
{
  GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);
  GSocketFamily family = choose_family (addresses);

  for (const GList *link = addresses; link; link = link->next)
    if (g_inet_address_get_family (link->data) == family)
      g_ptr_array_add (texts, g_inet_address_to_string (link->data));
  if (texts->len > MAX_ADDRESSES) {
    warn_of_many (self);
    g_ptr_array_set_size (texts, MAX_ADDRESSES);
  }
  g_ptr_array_add (texts, NULL);
  return texts;
}

static void
take_addresses (AlertsName *self, const GList *addresses)
{
  g_autoptr (GPtrArray) texts = NULL;

  if (self->failures)
    g_message ("stages at %s: the name can be looked up again", self->host);
  self->failures = 0;
  texts = list_addresses (self, addresses);
  self->found ((const gchar *const *) texts->pdata, self->data);
}

/* A service without a process has no address, so only an answer that there is none ends the use of
 * those that are known. */
static void
take_failure (AlertsName *self, const GError *error)
{
  note_failure (self, error->message);
  if (!g_error_matches (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND))
    self->found (NULL, self->data);
}

static void
finish (GObject *resolver, GAsyncResult *result, gpointer data)
{
  AlertsName *self = data;
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (resolver), result, &error);

  self->asking = FALSE;
  if (!g_cancellable_is_cancelled (self->ending)) {
    if (addresses)
      take_addresses (self, addresses);
    else
      take_failure (self, error);
  }
  g_resolver_free_addresses (addresses);
}

gboolean
alerts_name_is_asking (AlertsName *self)
{
  return self->asking;
}

/* --- life --- */

AlertsName *
alerts_name_new (const gchar *url, AlertsFound found, gpointer data)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  AlertsName *self = g_new0 (AlertsName, 1);

  self->host = g_strdup (g_uri_get_host (uri));
  self->fixed =
      g_hostname_is_ip_address (self->host) || !g_str_equal (g_uri_get_scheme (uri), "http");
  self->found = found;
  self->data = data;
  self->ending = g_cancellable_new ();
  return self;
}

void
alerts_name_free (AlertsName *self)
{
  g_cancellable_cancel (self->ending);
  while (self->asking)
    g_main_context_iteration (NULL, TRUE);
  g_object_unref (self->ending);
  g_free (self->host);
  g_free (self);
}

void
alerts_name_look_up (AlertsName *self)
{
  static const gchar *const itself[] = {"", NULL};
  g_autoptr (GResolver) resolver = g_resolver_get_default ();

  if (self->asking) {
    self->found (NULL, self->data);
    return;
  }
  if (self->fixed) {
    self->found (itself, self->data);
    return;
  }
  self->asking = TRUE;
  g_resolver_lookup_by_name_async (resolver, self->host, self->ending, finish, self);
}
