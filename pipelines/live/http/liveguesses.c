/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveguesses.h"

#include <string.h>

/* Largest number of wrong tokens from one address in a minute; then no further token is
 * compared. */
#define MOST 10
#define TIME (60 * G_USEC_PER_SEC)
/* Largest number of addresses that are counted one by one; all further addresses are counted
 * together as OTHERS. */
#define MAX_ADDRESSES 1024
#define OTHERS "others"

typedef struct {
  guint n;
  gint64 since;
} Guesses;

struct _LiveGuesses {
  GHashTable *addresses; /* address as text: Guesses */
};

LiveGuesses *
live_guesses_new (void)
{
  LiveGuesses *self = g_new0 (LiveGuesses, 1);

  self->addresses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
live_guesses_free (LiveGuesses *self)
{
  g_hash_table_unref (self->addresses);
  g_free (self);
}

/* Returns the address, or, for IPv6, its /64 network, because a client that has one IPv6 address
 * mostly has all addresses of its /64. */
static gchar *
name_of (GInetAddress *address)
{
  guint8 bytes[16] = {0};
  g_autoptr (GInetAddress) network = NULL;

  if (g_inet_address_get_family (address) != G_SOCKET_FAMILY_IPV6)
    return g_inet_address_to_string (address);
  memcpy (bytes, g_inet_address_to_bytes (address), 8);
  network = g_inet_address_new_from_bytes (bytes, G_SOCKET_FAMILY_IPV6);
  return g_inet_address_to_string (network);
}

static gboolean
is_over (gpointer key, gpointer value, gpointer now)
{
  return *(gint64 *) now - ((Guesses *) value)->since > TIME;
}

/* Returns: (transfer full): the key under which @address is counted. */
static gchar *
find_name (LiveGuesses *self, GInetAddress *address, gint64 now)
{
  gchar *name = name_of (address);

  g_hash_table_foreach_remove (self->addresses, is_over, &now);
  if (g_hash_table_contains (self->addresses, name) ||
      g_hash_table_size (self->addresses) < MAX_ADDRESSES)
    return name;
  g_free (name);
  return g_strdup (OTHERS);
}

gboolean
live_guesses_allow (LiveGuesses *self, GInetAddress *address, gint64 now)
{
  g_autofree gchar *name = find_name (self, address, now);
  const Guesses *guesses = g_hash_table_lookup (self->addresses, name);

  return !guesses || guesses->n < MOST;
}

void
live_guesses_count (LiveGuesses *self, GInetAddress *address, gint64 now)
{
  g_autofree gchar *name = find_name (self, address, now);
  Guesses *guesses = g_hash_table_lookup (self->addresses, name);

  if (!guesses) {
    guesses = g_new0 (Guesses, 1);
    guesses->since = now;
    g_hash_table_insert (self->addresses, g_steal_pointer (&name), guesses);
  }
  guesses->n++;
}
