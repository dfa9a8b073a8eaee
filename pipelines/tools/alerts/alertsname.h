/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Finds the network addresses behind the host of a URL. The name of a headless Service in
 * Kubernetes, or of a service of several containers in a compose file, has an address for each
 * process. */
typedef struct _AlertsName AlertsName;

/* Called with the addresses of the URL's host. @addresses: (nullable): ended by NULL; the only one
 * is "" if there is nothing to look up, because the host is an address, or because a server's
 * certificate has to be valid for the name (https). The array is NULL while the name server is away
 * or slow, so that the addresses that are known remain in use. */
typedef void (*AlertsFound) (const gchar *const *addresses, gpointer data);

/* @url: a valid URL */
AlertsName *alerts_name_new (const gchar *url, AlertsFound found, gpointer data);
/* A look-up that is under way is cancelled, and doesn't call the function any more. */
void alerts_name_free (AlertsName *self);
/* Begins a look-up, unless one is under way. A failure is logged. If the name server answers that
 * the name has no address, the function isn't called. */
void alerts_name_look_up (AlertsName *self);
/* Returns whether a look-up is under way. */
gboolean alerts_name_is_asking (AlertsName *self);

G_END_DECLS
