/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livehistory.h"

#include "livejson.h"

#define SAMPLES 1800
#define MARKS 200

typedef struct {
  gint64 time;
  gchar *kind, *text;
} Mark;

struct _LiveHistory {
  LiveSample samples[SAMPLES]; /* a ring */
  guint n, next;
  GQueue marks; /* queue of Mark, the oldest first */
  /* number of marks at the queue's end that live_history_take_mark() hasn't returned yet */
  guint untaken;
};

static void
mark_free (Mark *mark)
{
  g_free (mark->kind);
  g_free (mark->text);
  g_free (mark);
}

LiveHistory *
live_history_new (void)
{
  LiveHistory *self = g_new0 (LiveHistory, 1);

  g_queue_init (&self->marks);
  return self;
}

void
live_history_free (LiveHistory *self)
{
  g_queue_clear_full (&self->marks, (GDestroyNotify) mark_free);
  g_free (self);
}

void
live_history_add (LiveHistory *self, const LiveSample sample)
{
  for (guint i = 0; i < LIVE_SAMPLE_FIELDS; i++)
    self->samples[self->next][i] = sample[i];
  self->next = (self->next + 1) % SAMPLES;
  self->n = MIN (self->n + 1, SAMPLES);
}

void
live_history_mark (LiveHistory *self, gint64 time, const gchar *kind, const gchar *text)
{
  Mark *mark = g_new (Mark, 1);

  mark->time = time;
  mark->kind = g_strdup (kind);
  mark->text = g_strdup (text);
  g_queue_push_tail (&self->marks, mark);
  self->untaken++;
  if (self->marks.length > MARKS)
    mark_free (g_queue_pop_head (&self->marks));
  self->untaken = MIN (self->untaken, self->marks.length);
}

static guint
newest_sample (const LiveHistory *self)
{
  return (self->next + SAMPLES - 1) % SAMPLES;
}

void
live_history_set_back (LiveHistory *self, gint64 now)
{
  while (self->n && self->samples[newest_sample (self)][LIVE_SAMPLE_TIME] > (gdouble) now) {
    self->next = newest_sample (self);
    self->n--;
  }
  for (GList *l = self->marks.head; l; l = l->next)
    ((Mark *) l->data)->time = MIN (((Mark *) l->data)->time, now);
}

static void
mark_to_json (const Mark *mark, JsonBuilder *json)
{
  live_json_int (json, "time", mark->time);
  live_json_text (json, "kind", mark->kind);
  live_json_text (json, "text", mark->text);
}

GBytes *
live_history_take_mark (LiveHistory *self)
{
  JsonBuilder *json;

  if (self->untaken == 0)
    return NULL;
  json = live_json_new ();
  mark_to_json (g_queue_peek_nth (&self->marks, self->marks.length - self->untaken--), json);
  return live_json_end (json);
}

static void
fields_to_json (JsonBuilder *json)
{
  static const gchar *const names[LIVE_SAMPLE_FIELDS] = {
      "time", "faces", "rate", "capacity", "waiting", "p50", "p95", "replicas"};

  live_json_open_list (json, "fields");
  for (guint i = 0; i < LIVE_SAMPLE_FIELDS; i++)
    json_builder_add_string_value (json, names[i]);
  json_builder_end_array (json);
}

void
live_sample_to_json (const LiveSample sample, JsonBuilder *json)
{
  json_builder_begin_array (json);
  for (guint i = 0; i < LIVE_SAMPLE_FIELDS; i++)
    live_json_item (json, sample[i]);
  json_builder_end_array (json);
}

void
live_history_to_json (const LiveHistory *self, JsonBuilder *json)
{
  fields_to_json (json);
  live_json_open_list (json, "samples");
  for (guint i = 0; i < self->n; i++)
    live_sample_to_json (self->samples[(self->next + SAMPLES - self->n + i) % SAMPLES], json);
  json_builder_end_array (json);
  live_json_open_list (json, "marks");
  for (const GList *l = self->marks.head; l; l = l->next) {
    json_builder_begin_object (json);
    mark_to_json (l->data, json);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}
