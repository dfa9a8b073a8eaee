/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsmetrics.h"

#include <libsoup/soup.h>
#include <math.h>
#include <string.h>

#include "alertslog.h"
#include "alertsname.h"
#include "fogjson.h"
#include "livejson.h"

#define TIMEOUT 5 /* s */
/* Largest number of connections: addresses that don't answer must not delay the other stages. */
#define MAX_CONNECTIONS 256
/* Time (ms) for which a number counts without a newer one: three readings. */
#define HOLD 16000
/* If a stage has run for this time (s) or less, all that it has counted is new, as in the alert
 * rules for Prometheus. */
#define YOUNG 600
/* Largest size (bytes) of the metrics of a stage. */
#define MAX_TEXT (4 << 20)
#define MAX_SERIES 4096
/* Time (us) after which the totals of a stage are removed if no look-up finds its address. */
#define FORGET (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)
#define TOTALS_KEY "metrics "

/* An address of the rule file, behind which there may be several processes. */
typedef struct {
  AlertsMetrics *metrics;
  gchar *url;
  gchar *place; /* host and port */
  AlertsName *name;
  GPtrArray *stages; /* of Stage */
} Service;

/* One process whose metrics are read. */
typedef struct {
  Service *service;
  gchar *address;     /* network address; "": the host in the service's URL */
  gchar *place;       /* name in alerts and logs: the service's place and the address */
  gchar *key;         /* key of the durable totals */
  gint64 seen;        /* monotonic time (us) of the last look-up that found the address */
  gboolean gone;      /* flag: the last look-up hasn't found the address */
  GHashTable *totals; /* maps METRIC/LABEL to the total (gdouble) in the last reading */
  gboolean known;     /* flag: the metrics were read before, by this run or an earlier one */
  gboolean changed;   /* flag: the totals differ from those that were written last */
  gboolean reading;
  guint failures; /* in a row */
} Stage;

struct _AlertsMetrics {
  const AlertsRules *rules;
  AlertsBook *book;
  AlertsState *state;
  GPtrArray *services; /* of Service */
  SoupSession *session;
  GCancellable *ending;
  guint reading;
};

/* --- the text --- */

/* Returns: (transfer full) (nullable): the value of the label @name in @labels, such as
 * `{a="b",c="d"}`. Escapes aren't handled, because the values that are read (topics, reasons) have
 * none. */
static gchar *
find_label (const gchar *labels, const gchar *end, const gchar *name)
{
  g_autofree gchar *begin = g_strdup_printf ("%s=\"", name);
  const gchar *found = g_strstr_len (labels, end - labels, begin), *close;

  if (!found || (found[-1] != '{' && found[-1] != ','))
    return NULL;
  found += strlen (begin);
  close = memchr (found, '"', (gsize) (end - found));
  return close ? g_strndup (found, (gsize) (close - found)) : NULL;
}

static void
add_value (GHashTable *values, gchar *label, gdouble value, gboolean sums)
{
  gdouble *sum = g_hash_table_lookup (values, label);

  if (!sum && g_hash_table_size (values) < MAX_SERIES) {
    g_hash_table_insert (values, label, g_memdup2 (&value, sizeof value));
    return;
  }
  if (sum)
    *sum = sums ? *sum + value : MAX (*sum, value);
  g_free (label);
}

static void
read_line (GHashTable *values, const gchar *line, const AlertsMetric *metric)
{
  gsize length = strlen (metric->name);
  const gchar *labels = line + length, *end;
  gchar *label, *after;
  gdouble value;

  if (strncmp (line, metric->name, length) != 0 || *labels != '{')
    return;
  end = strrchr (labels, '}');
  label = end ? find_label (labels, end, metric->label) : NULL;
  value = end ? g_ascii_strtod (end + 1, &after) : (gdouble) NAN;
  if (label && after > end + 1 && isfinite (value) && value >= 0)
    add_value (values, label, value, metric->counts);
  else
    g_free (label);
}

GHashTable *
alerts_metrics_parse (const gchar *text, const AlertsMetric *metric)
{
  GHashTable *values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i]; i++)
    read_line (values, lines[i], metric);
  return values;
}

static gboolean
is_young (const gchar *text)
{
  const gchar *line = strstr (text, "\nprocess_start_time_seconds ");
  gdouble start = line ? g_ascii_strtod (strchr (line, ' '), NULL) : 0;

  return (gdouble) g_get_real_time () / G_USEC_PER_SEC - start < YOUNG;
}

gdouble
alerts_metrics_grow (gdouble before, gdouble total, gboolean young)
{
  if (before < 0)
    return young ? total : 0;
  /* If the total has decreased, a new process has counted it from 0. */
  return total < before ? total : total - before;
}

/* --- durable totals --- */

static void
write_totals (Stage *self)
{
  JsonBuilder *json = live_json_new ();
  g_autoptr (GBytes) record = NULL;
  GHashTableIter iter;
  gpointer name, total;
  const gchar *text;
  gsize size;

  g_hash_table_iter_init (&iter, self->totals);
  while (g_hash_table_iter_next (&iter, &name, &total))
    live_json_number (json, name, *(gdouble *) total);
  record = live_json_end (json);
  text = g_bytes_get_data (record, &size);
  alerts_state_put (self->service->metrics->state, self->key, text, size);
}

static void
load_totals (Stage *self)
{
  const gchar *text = alerts_state_get (self->service->metrics->state, self->key);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = text ? fog_json_parse_object (parser, text, strlen (text), NULL) : NULL;
  g_autoptr (GList) names = object ? json_object_get_members (object) : NULL;

  self->known = object != NULL;
  for (const GList *link = names; link; link = link->next) {
    gdouble total = -1;

    if (fog_json_read_number (object, link->data, 1e15, &total, NULL))
      g_hash_table_insert (self->totals, g_strdup (link->data), g_memdup2 (&total, sizeof total));
  }
}

/* --- rules --- */

/* Replaces the totals in @values by the numbers counted since the last reading. Returns whether a
 * total has changed. */
static gboolean
count (Stage *self, const AlertsMetric *metric, GHashTable *values, gboolean young)
{
  gboolean changed = FALSE;
  GHashTableIter iter;
  gpointer label, value;

  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &label, &value)) {
    gchar *name = g_strconcat (metric->name, "/", label, NULL);
    const gdouble *known = g_hash_table_lookup (self->totals, name);
    gdouble *number = value, total = *number, before = known ? *known : -1;

    changed |= before != total;
    g_hash_table_replace (self->totals, name, g_memdup2 (&total, sizeof total));
    *number = alerts_metrics_grow (before, total, young || self->known);
  }
  return changed;
}

static void
give (Stage *self, const AlertsRule *rule, GHashTable *values)
{
  GHashTableIter iter;
  gpointer label, value;

  if (!g_strv_contains ((const gchar *const *) rule->stages, self->service->url))
    return;
  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &label, &value)) {
    g_autofree gchar *series = g_strdup_printf ("%s at %s", (gchar *) label, self->place);

    alerts_book_take_number (self->service->metrics->book, rule, series, *(gdouble *) value, HOLD,
        g_get_real_time () / 1000);
  }
}

static gboolean
judge (Stage *self, AlertsKind kind, const gchar *text)
{
  const AlertsMetric *metric = alerts_kind_get_metric (kind);
  const GPtrArray *rules = self->service->metrics->rules->rules;
  g_autoptr (GHashTable) values = metric ? alerts_metrics_parse (text, metric) : NULL;
  gboolean changed = metric && metric->counts && count (self, metric, values, is_young (text));

  for (guint i = 0; metric && i < rules->len; i++) {
    const AlertsRule *rule = g_ptr_array_index (rules, i);

    if (rule->kind == kind)
      give (self, rule, values);
  }
  return changed;
}

/* Takes the metrics of a stage. The totals are written after the alerts that follow from them, so
 * that no alert is lost if this program is killed in between. While Kafka is away, and many records
 * wait, only the totals of a later reading are written. */
static void
take_text (Stage *self, const gchar *text)
{
  self->changed |= !self->known;
  for (AlertsKind kind = 0; kind < ALERTS_KINDS; kind++)
    self->changed |= judge (self, kind, text);
  self->known = TRUE;
  if (!self->changed || alerts_state_is_busy (self->service->metrics->state))
    return;
  write_totals (self);
  self->changed = FALSE;
}

/* --- reading --- */

static void
note_failure (Stage *self, const gchar *why)
{
  self->failures++;
  if (alerts_log_is_due (self->failures))
    g_message ("metrics of %s: they can't be read, %u times in a row (%s)", self->place,
        self->failures, why);
}

static void
take_answer (Stage *self, SoupMessage *message, GBytes *body)
{
  guint status = soup_message_get_status (message);
  gsize size;
  const gchar *data = g_bytes_get_data (body, &size);
  g_autofree gchar *text = size <= MAX_TEXT ? g_strndup (data, size) : NULL;
  g_autofree gchar *why =
      g_strdup_printf ("it answers %u, with %" G_GSIZE_FORMAT " bytes", status, size);

  if (status != SOUP_STATUS_OK || !text) {
    note_failure (self, why);
    return;
  }
  if (self->failures)
    g_message ("metrics of %s: they can be read again", self->place);
  self->failures = 0;
  take_text (self, text);
}

static void
finish (GObject *session, GAsyncResult *result, gpointer data)
{
  Stage *self = data;
  AlertsMetrics *metrics = self->service->metrics;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body =
      soup_session_send_and_read_finish (SOUP_SESSION (session), result, &error);

  self->reading = FALSE;
  metrics->reading--;
  if (body)
    take_answer (
        self, soup_session_get_async_result_message (SOUP_SESSION (session), result), body);
  else if (!g_cancellable_is_cancelled (metrics->ending) && !self->gone)
    note_failure (self, error->message);
}

/* Returns: (transfer full): a request to the stage's own address, in which the header Host has the
 * name of the service. */
static SoupMessage *
make_message (Stage *self)
{
  g_autoptr (GUri) uri = g_uri_parse (self->service->url, SOUP_HTTP_URI_FLAGS, NULL), own = NULL;
  SoupMessage *message;

  if (!*self->address)
    return soup_message_new_from_uri ("GET", uri);
  own = g_uri_build_with_user (SOUP_HTTP_URI_FLAGS, g_uri_get_scheme (uri), g_uri_get_user (uri),
      g_uri_get_password (uri), NULL, self->address, g_uri_get_port (uri), g_uri_get_path (uri),
      g_uri_get_query (uri), NULL);
  message = soup_message_new_from_uri ("GET", own);
  soup_message_headers_replace (
      soup_message_get_request_headers (message), "Host", self->service->place);
  return message;
}

/* Begins to read the metrics, unless they are being read. */
static void
begin (Stage *self)
{
  AlertsMetrics *metrics = self->service->metrics;
  g_autoptr (SoupMessage) message = NULL;

  if (self->reading)
    return;
  message = make_message (self);
  self->reading = TRUE;
  metrics->reading++;
  soup_session_send_and_read_async (
      metrics->session, message, G_PRIORITY_DEFAULT, metrics->ending, finish, self);
}

/* --- the stages of a service --- */

static void
stage_free (gpointer data)
{
  Stage *self = data;

  g_hash_table_unref (self->totals);
  g_free (self->address);
  g_free (self->place);
  g_free (self->key);
  g_free (self);
}

static Stage *
add_stage (Service *service, const gchar *address)
{
  Stage *self = g_new0 (Stage, 1);

  self->service = service;
  self->address = g_strdup (address);
  self->place =
      *address ? g_strdup_printf ("%s (%s)", service->place, address) : g_strdup (service->place);
  self->key = g_strdup_printf (TOTALS_KEY "%s%s%s", service->url, *address ? " " : "", address);
  self->seen = g_get_monotonic_time ();
  self->totals = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  load_totals (self);
  g_ptr_array_add (service->stages, self);
  return self;
}

static Stage *
find_stage (Service *service, const gchar *address)
{
  for (guint i = 0; i < service->stages->len; i++) {
    Stage *stage = g_ptr_array_index (service->stages, i);

    if (g_str_equal (stage->address, address))
      return stage;
  }
  return NULL;
}

/* Adds the stages that an earlier run has read, so that their totals are removed if their addresses
 * don't come back. */
static void
add_known_stages (Service *self)
{
  g_autofree gchar *prefix = g_strconcat (TOTALS_KEY, self->url, " ", NULL);
  g_autoptr (GList) keys = alerts_state_list (self->metrics->state, prefix);

  for (const GList *link = keys; link; link = link->next)
    add_stage (self, (const gchar *) link->data + strlen (prefix))->gone = TRUE;
}

/* Reads the metrics at an address that a look-up has found. */
static void
read_stage (Service *self, const gchar *address)
{
  Stage *stage = find_stage (self, address);

  if (*address && (!stage || stage->gone))
    g_message ("metrics of %s: they are read at %s from now on", self->place, address);
  if (!stage)
    stage = add_stage (self, address);
  stage->gone = FALSE;
  stage->seen = g_get_monotonic_time ();
  begin (stage);
}

static void
read_known_stages (Service *self)
{
  for (guint i = 0; i < self->stages->len; i++) {
    Stage *stage = g_ptr_array_index (self->stages, i);

    if (!stage->gone)
      begin (stage);
  }
}

/* Removes the stage if its address has been missing for the time FORGET. Returns whether it was
 * removed. */
static gboolean
check_gone (Stage *self, const gchar *const *addresses)
{
  if (g_strv_contains (addresses, self->address))
    return FALSE;
  if (!self->gone)
    g_message ("metrics of %s: the name doesn't lead to this address any more", self->place);
  self->gone = TRUE;
  if (self->reading || g_get_monotonic_time () - self->seen < FORGET)
    return FALSE;
  alerts_state_delete (self->service->metrics->state, self->key);
  g_ptr_array_remove_fast (self->service->stages, self);
  return TRUE;
}

static void
update_stages (Service *self, const gchar *const *addresses)
{
  for (guint i = 0; i < self->stages->len;)
    i += !check_gone (g_ptr_array_index (self->stages, i), addresses);
  for (guint i = 0; addresses[i]; i++)
    read_stage (self, addresses[i]);
}

/* While this object is freed, no request may begin, because nothing waits for its answer. */
static void
take_addresses (const gchar *const *addresses, gpointer data)
{
  Service *self = data;

  if (g_cancellable_is_cancelled (self->metrics->ending))
    return;
  if (addresses)
    update_stages (self, addresses);
  else
    read_known_stages (self);
}

void
alerts_metrics_read (AlertsMetrics *self)
{
  for (guint i = 0; i < self->services->len; i++)
    alerts_name_look_up (((Service *) g_ptr_array_index (self->services, i))->name);
}

gboolean
alerts_metrics_is_reading (AlertsMetrics *self)
{
  gboolean reading = self->reading > 0;

  for (guint i = 0; i < self->services->len; i++)
    reading |= alerts_name_is_asking (((Service *) g_ptr_array_index (self->services, i))->name);
  return reading;
}

/* --- life --- */

static void
service_free (gpointer data)
{
  Service *self = data;

  alerts_name_free (self->name);
  g_ptr_array_unref (self->stages);
  g_free (self->url);
  g_free (self->place);
  g_free (self);
}

static void
add_service (AlertsMetrics *self, const gchar *url)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  Service *service = g_new0 (Service, 1);

  service->metrics = self;
  service->url = g_strdup (url);
  service->place = g_uri_get_port (uri) > 0
                       ? g_strdup_printf ("%s:%d", g_uri_get_host (uri), g_uri_get_port (uri))
                       : g_strdup (g_uri_get_host (uri));
  service->stages = g_ptr_array_new_with_free_func (stage_free);
  service->name = alerts_name_new (url, take_addresses, service);
  add_known_stages (service);
  g_ptr_array_add (self->services, service);
}

static gboolean
has_service (AlertsMetrics *self, const gchar *url)
{
  for (guint i = 0; i < self->services->len; i++)
    if (g_str_equal (((Service *) g_ptr_array_index (self->services, i))->url, url))
      return TRUE;
  return FALSE;
}

AlertsMetrics *
alerts_metrics_new (const AlertsRules *rules, AlertsBook *book, AlertsState *state)
{
  AlertsMetrics *self = g_new0 (AlertsMetrics, 1);

  self->rules = rules;
  self->book = book;
  self->state = state;
  self->services = g_ptr_array_new_with_free_func (service_free);
  self->ending = g_cancellable_new ();
  self->session =
      soup_session_new_with_options ("timeout", TIMEOUT, "max-conns", MAX_CONNECTIONS, NULL);
  for (guint i = 0; i < rules->rules->len; i++) {
    const AlertsRule *rule = g_ptr_array_index (rules->rules, i);

    for (guint s = 0; rule->stages && rule->stages[s]; s++)
      if (!has_service (self, rule->stages[s]))
        add_service (self, rule->stages[s]);
  }
  return self;
}

void
alerts_metrics_free (AlertsMetrics *self)
{
  g_cancellable_cancel (self->ending);
  while (self->reading)
    g_main_context_iteration (NULL, TRUE);
  g_ptr_array_unref (self->services);
  g_object_unref (self->session);
  g_object_unref (self->ending);
  g_free (self);
}
