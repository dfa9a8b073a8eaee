/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkatopics.h"

#include <regex.h>
#include <string.h>

#define LEGAL "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define MAX_NAME 249

gboolean
gst_kafka_topics_is_pattern (const gchar *wanted)
{
  return *wanted == '^';
}

static gboolean
compile (regex_t *regex, const gchar *pattern, GError **error)
{
  gchar said[256];
  int code = regcomp (regex, pattern, REG_EXTENDED | REG_NOSUB);

  if (code == 0)
    return TRUE;
  regerror (code, regex, said, sizeof said);
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "\"%s\" in topic isn't a POSIX extended regular expression: %s.", pattern, said);
  return FALSE;
}

static gboolean
check_pattern (const gchar *pattern, GError **error)
{
  regex_t regex;

  if (!compile (&regex, pattern, error))
    return FALSE;
  regfree (&regex);
  return TRUE;
}

gboolean
gst_kafka_topics_check_name (const gchar *name, GError **error)
{
  gsize size = strlen (name);

  if (size > 0 && size <= MAX_NAME && strspn (name, LEGAL) == size && !g_str_equal (name, ".") &&
      !g_str_equal (name, ".."))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "\"%s\" can't be a topic's name, which has 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', and "
      "isn't \".\" or \"..\"; a pattern to read from begins with ^.",
      name);
  return FALSE;
}

/* Returns the comma after the first entry of @text, or the end of @text. A comma within {2,3} or
 * [a,b] belongs to the pattern. */
static const gchar *
find_end (const gchar *text)
{
  gchar closing = 0;
  const gchar *at;

  if (!gst_kafka_topics_is_pattern (text))
    return text + strcspn (text, ",");
  for (at = text; *at && (closing || *at != ','); at++) {
    if (*at == closing)
      closing = 0;
    else if (*at == '\\' && closing != ']' && at[1])
      at++;
    else if (!closing && (*at == '{' || *at == '['))
      closing = *at == '{' ? '}' : ']';
  }
  return at;
}

/* Adds @entry, unless @entries has it already: librdkafka refuses to subscribe to a topic twice. */
static void
add_once (GPtrArray *entries, gchar *entry)
{
  if (g_ptr_array_find_with_equal_func (entries, entry, g_str_equal, NULL))
    g_free (entry);
  else
    g_ptr_array_add (entries, entry);
}

static gchar **
split (const gchar *text)
{
  GPtrArray *entries = g_ptr_array_new ();
  const gchar *end;

  for (;; text = end + 1) {
    while (g_ascii_isspace (*text))
      text++;
    end = find_end (text);
    add_once (entries, g_strchomp (g_strndup (text, (gsize) (end - text))));
    if (!*end)
      break;
  }
  g_ptr_array_add (entries, NULL);
  return (gchar **) g_ptr_array_free (entries, FALSE);
}

gchar **
gst_kafka_topics_parse (const gchar *text, GError **error)
{
  g_auto (GStrv) topics = NULL;

  if (!text || !*text) {
    g_set_error_literal (
        error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "No topic is set.");
    return NULL;
  }
  topics = split (text);
  for (gchar **topic = topics; *topic; topic++) {
    if (gst_kafka_topics_is_pattern (*topic) ? !check_pattern (*topic, error)
                                             : !gst_kafka_topics_check_name (*topic, error))
      return NULL;
  }
  return g_steal_pointer (&topics);
}

gboolean
gst_kafka_topics_have_pattern (gchar **topics)
{
  for (; *topics; topics++)
    if (gst_kafka_topics_is_pattern (*topics))
      return TRUE;
  return FALSE;
}

gchar *
gst_kafka_topics_describe (const gchar *wanted)
{
  return gst_kafka_topics_is_pattern (wanted)
             ? g_strdup_printf (
                   "A topic that matches \"%s\" and that this user may see (right Describe)",
                   wanted)
             : g_strdup_printf ("Topic \"%s\"", wanted);
}

gboolean
gst_kafka_topics_match (const gchar *wanted, const gchar *topic)
{
  regex_t regex;
  gboolean matches;

  if (!gst_kafka_topics_is_pattern (wanted))
    return g_str_equal (wanted, topic);
  if (g_str_equal (topic, "__consumer_offsets") || g_str_equal (topic, "__transaction_state") ||
      !compile (&regex, wanted, NULL))
    return FALSE;
  matches = regexec (&regex, topic, 0, NULL, 0) == 0;
  regfree (&regex);
  return matches;
}
