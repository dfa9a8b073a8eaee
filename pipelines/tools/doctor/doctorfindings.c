/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctorfindings.h"

#include "livejson.h"

struct _DoctorFindings {
  GPtrArray *all; /* of Finding */
};

typedef struct {
  DoctorLevel level;
  gchar *about, *what, *why, *todo;
} Finding;

static const gchar *const names[] = {"good", "note", "warn", "bad"};

static void
finding_free (gpointer data)
{
  Finding *self = data;

  g_free (self->about);
  g_free (self->what);
  g_free (self->why);
  g_free (self->todo);
  g_free (self);
}

DoctorFindings *
doctor_findings_new (void)
{
  DoctorFindings *self = g_new0 (DoctorFindings, 1);

  self->all = g_ptr_array_new_with_free_func (finding_free);
  return self;
}

void
doctor_findings_free (DoctorFindings *self)
{
  g_ptr_array_unref (self->all);
  g_free (self);
}

/* Returns: (nullable) (transfer full): @text without control characters, because texts from servers
 * and names from settings may contain such characters. */
static gchar *
to_line (const gchar *text)
{
  gchar *line = text ? g_utf8_make_valid (text, -1) : NULL;

  for (gchar *c = line; c && *c; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  return line ? g_strstrip (line) : NULL;
}

void
doctor_add (DoctorFindings *self, DoctorLevel level, const gchar *about, const gchar *why,
    const gchar *todo, const gchar *format, ...)
{
  Finding *finding = g_new0 (Finding, 1);
  g_autofree gchar *what = NULL;
  va_list arguments;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  *finding = (Finding){level, to_line (about), to_line (what), to_line (why), to_line (todo)};
  g_ptr_array_add (self->all, finding);
}

void
doctor_findings_move (DoctorFindings *self, DoctorFindings *from)
{
  while (from->all->len)
    g_ptr_array_add (self->all, g_ptr_array_steal_index (from->all, 0));
}

static DoctorLevel
find_worst (const DoctorFindings *self)
{
  DoctorLevel worst = DOCTOR_GOOD;

  for (guint i = 0; i < self->all->len; i++)
    worst = MAX (worst, ((const Finding *) g_ptr_array_index (self->all, i))->level);
  return worst;
}

gboolean
doctor_findings_have (const DoctorFindings *self, DoctorLevel level)
{
  return self->all->len && find_worst (self) >= level;
}

gint
doctor_findings_get_exit_code (const DoctorFindings *self)
{
  static const gint codes[] = {0, 0, 1, 2};

  return codes[find_worst (self)];
}

static guint
count (const DoctorFindings *self, DoctorLevel level)
{
  guint n = 0;

  for (guint i = 0; i < self->all->len; i++)
    n += ((const Finding *) g_ptr_array_index (self->all, i))->level == level;
  return n;
}

static void
append_finding (GString *text, const Finding *finding)
{
  g_string_append_printf (
      text, "%-4s  %s: %s", names[finding->level], finding->about, finding->what);
  if (finding->why)
    g_string_append_printf (text, " %s", finding->why);
  if (finding->todo)
    g_string_append_printf (text, " To do: %s", finding->todo);
  g_string_append_c (text, '\n');
}

gchar *
doctor_findings_to_text (const DoctorFindings *self, DoctorLevel least)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->all->len; i++) {
    const Finding *finding = g_ptr_array_index (self->all, i);

    if (finding->level >= least)
      append_finding (text, finding);
  }
  g_string_append_printf (text, "%u good, %u to note, %u to mend soon, %u bad\n",
      count (self, DOCTOR_GOOD), count (self, DOCTOR_NOTE), count (self, DOCTOR_WARN),
      count (self, DOCTOR_BAD));
  return g_string_free (text, FALSE);
}

gchar *
doctor_findings_to_json (const DoctorFindings *self)
{
  JsonBuilder *json = live_json_new ();
  g_autoptr (GBytes) bytes = NULL;

  live_json_text (json, "verdict", names[find_worst (self)]);
  live_json_open_list (json, "findings");
  for (guint i = 0; i < self->all->len; i++) {
    const Finding *finding = g_ptr_array_index (self->all, i);

    json_builder_begin_object (json);
    live_json_text (json, "level", names[finding->level]);
    live_json_text (json, "about", finding->about);
    live_json_text (json, "what", finding->what);
    live_json_text (json, "why", finding->why);
    live_json_text (json, "do", finding->todo);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  bytes = live_json_end (json);
  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}
