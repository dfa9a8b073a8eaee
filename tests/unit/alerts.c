/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "alertsbook.h"
#include "alertsdelivery.h"
#include "alertsmetrics.h"
#include "alertswebhook.h"

#define TARGET "[target t]\ntopic=alerts\n"
#define NOW G_GINT64_CONSTANT (1800000000000) /* ms */

static AlertsRules *
make_rules (const gchar *rule)
{
  g_autofree gchar *text = g_strconcat ("[rule r]\ntargets=t\n", rule, "\n", TARGET, NULL);
  g_autoptr (GError) error = NULL;
  AlertsRules *rules = alerts_rules_parse ("rules.conf", text, &error);

  fail_unless (rules != NULL, "%s", error ? error->message : "");
  return rules;
}

static AlertsSample
sample_of (gint64 seconds, gdouble value, gint64 offset)
{
  return (AlertsSample){
      NOW + seconds * 1000, NOW + seconds * 1000, 5000, value, {ALERTS_EVENTS, 0, offset}};
}

/* Gives the watch a number of faces each second. In @numbers ("1 7> 7 2!") a number is followed by
 * > if the alert has to fire with it, and by ! if the alert has to end with it. */
static void
play (AlertsWatch *watch, const gchar *numbers)
{
  g_auto (GStrv) words = g_strsplit (numbers, " ", -1);

  for (guint i = 0; words[i]; i++) {
    gchar *mark;
    gdouble value = g_ascii_strtod (words[i], &mark);
    AlertsSample sample = sample_of (i, value, i);
    gboolean changed = alerts_watch_take (watch, &sample);
    const AlertsNotice *newest = g_queue_peek_tail (&watch->notices);

    fail_unless_equals_int (changed, *mark != '\0');
    fail_unless (!changed || newest->firing == (*mark == '>'), "number %u of %s", i, numbers);
  }
}

/* --- the rule file --- */

static const struct {
  const gchar *text, *error;
} faults[] = {
    {"x", ":1: a line is"},
    {"kind=faces", ":1: a key comes before"},
    {"[rule]", ":1: a name has"},
    {"[rule a b]", ":1: a name has"},
    {"[thing a]", ":1: a section begins"},
    {"# nothing\n", ":1: there is no [rule"},
    {"\n[rule a]\n[rule a]", ":3: the rule a is there twice, first in line 2"},
    {"[rule a]\nkind=faces\nkind=faces", ":3: kind is there twice, first in line 2"},
    {"[rule a]\nkind=", ":2: kind has no value"},
    {"[rule a]\n", ":1: the rule a has no kind"},
    {"[rule a]\nkind=dark", ":2: kind is faces"},
    {"[rule a]\nkind=faces\n", ":1: the rule a has no number \"above\""},
    {"[rule a]\nkind=faces\nabove=-1", ":3: above takes a number"},
    {"[rule a]\nkind=faces\nabove=nan", ":3: above takes a number"},
    {"[rule a]\nkind=faces\nabove=3x", ":3: above takes a number"},
    {"[rule a]\nkind=faces\nabove=3\nuntil=4", ":1: until has to be at most above"},
    {"[rule a]\nkind=faces\nabove=3\nfor=10 weeks", ":4: for takes a time"},
    {"[rule a]\nkind=faces\nabove=3\nfor=99999999999999999999d", ":4: for takes a time"},
    {"[rule a]\nkind=faces\nabove=3\nhold=0s", ":1: hold is at least"},
    {"[rule a]\nkind=silent\nfor=0s", ":1: kind=silent needs for="},
    {"[rule a]\nkind=silent\nabove=1\ntargets=t\n" TARGET, ":3: the rule a takes no key \"above\""},
    {"[rule a]\nkind=silent\n", ":1: the rule a has no targets"},
    {"[rule a]\nkind=silent\ntargets=t u\n" TARGET, ":3: there is no [target u]"},
    {"[rule a]\nkind=silent\nquiet=25:00-26:00", ":3: quiet: \"25:00-26:00\" isn't a span"},
    {"[rule a]\nkind=silent\nquiet=22:00-22:00", ":3: quiet: \"22:00-22:00\" is empty"},
    {"[rule a]\nkind=silent\nquiet=foo 22:00-06:00", ":3: quiet: \"foo\" is neither"},
    {"[rule a]\nkind=silent\nquiet=22:00-06:00\ntime-zone=Mars/Base", ":3: quiet: this machine"},
    {"[rule a]\nkind=silent\ntime-zone=UTC\ntargets=t\n" TARGET, ":3: the rule a takes no key"},
    {"[rule a]\nkind=lost\n", ":1: kind=lost needs stages"},
    {"[rule a]\nkind=lost\nstages=http://a/\nfor=1min", ":1: kind=lost takes no for"},
    {"[rule a]\nkind=lost\nstages=http://a/ ftp://b/\n", ":3: \"ftp://b/\" isn't http"},
    {"[target t]\n", ":1: the target t needs one of"},
    {"[target t]\ntopic=a\nwebhook=http://b/", ":1: the target t needs one of"},
    {"[target t]\ntopic=a b", ":1: \"a b\" isn't a topic's name"},
    {"[target t]\nwebhook=ftp://x/", ":1: the webhook of t isn't"},
    {"[target t]\nwebhook=http:///x", ":1: the webhook of t isn't"},
    {"[target t]\nwebhook=http://h/\nsecret=abc", ":1: a secret belongs into a file"},
    {"[target t]\nwebhook=http://h/\nsecret-file=/nowhere/at/all", ":3: secret-file:"},
    {"[target t]\nwebhook=http://h/\ntimeout=1h", ":1: timeout is from"},
    {"[target t]\nmqtt=mqtt://h", ":1: the mqtt of t isn't"},
    {"[target t]\nmqtt=mqtt://h/fog/#", ":1: the mqtt of t isn't"},
    {"[target t]\nmqtt=http://h/fog", ":1: the mqtt of t isn't"},
    {"[target t]\nmqtt=mqtt://u:p@h/fog", ":1: the mqtt of t holds a user"},
    {"[target t]\nmqtt=mqtt://h/fog\nuser=u\npassword=p", ":1: a password belongs into a file"},
    {"[target t]\nmqtt=mqtt://h/fog\npassword-file=/dev/null", ":3: password-file: \"/dev/null\""},
    {"[target t]\nwebhook=http://h/\nsecret-file=/dev/null", ":3: secret-file: \"/dev/null\""},
    {"[target t]\nwebhook=http://h/\nretries=3", ":3: the target t takes no key \"retries\""},
    {"\xff", ":1: the line isn't UTF-8"},
};

GST_START_TEST (test_an_error_in_the_rule_file_names_its_line)
{
  g_autoptr (GError) error = NULL;

  fail_unless (alerts_rules_parse ("rules.conf", faults[__i__].text, &error) == NULL);
  fail_unless (g_str_has_prefix (error->message, "rules.conf"));
  fail_unless (strstr (error->message, faults[__i__].error), "%s", error->message);
}
GST_END_TEST;

/* A rule file that is a device might have no end. */
GST_START_TEST (test_a_rule_file_is_a_regular_one)
{
  g_autoptr (GError) error = NULL;

  fail_unless (alerts_rules_load ("/dev/null", &error) == NULL);
  fail_unless (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_INVAL), "%s", error->message);
}
GST_END_TEST;

GST_START_TEST (test_the_example)
{
  g_autofree gchar *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (AlertsRules) rules = NULL;
  const AlertsRule *crowd;

  fail_unless (g_file_get_contents (ALERTS_EXAMPLE, &text, NULL, &error));
  rules = alerts_rules_parse (ALERTS_EXAMPLE, text, &error);
  fail_unless (rules != NULL, "%s", error ? error->message : "");
  fail_unless_equals_int (rules->rules->len, 7);
  crowd = alerts_rules_find (rules, "crowd");
  fail_unless_equals_string (crowd->zone, "door");
  fail_unless (crowd->above == 5 && crowd->until == 3);
  fail_unless_equals_int (crowd->patience, 10000);
  fail_unless_equals_int (crowd->calm, 30000);
}
GST_END_TEST;

/* --- quiet hours --- */

static const struct {
  const gchar *spans, *zone, *time;
  gboolean quiet;
} hours[] = {
    {"22:00-06:00", "UTC", "2026-11-25T21:59:59Z", FALSE},
    {"22:00-06:00", "UTC", "2026-11-25T22:00:00Z", TRUE},
    {"22:00-06:00", "UTC", "2026-11-26T05:59:59Z", TRUE},
    {"22:00-06:00", "UTC", "2026-11-26T06:00:00Z", FALSE},
    /* a day of the week is the day on which a span begins; the 27th was a Friday */
    {"fri 22:00-06:00", "UTC", "2026-11-28T05:00:00Z", TRUE},
    {"fri 22:00-06:00", "UTC", "2026-11-27T05:00:00Z", FALSE},
    {"sun 22:00-06:00", "UTC", "2026-11-30T05:00:00Z", TRUE},
    {"sat-mon 00:00-24:00", "UTC", "2026-11-30T12:00:00Z", TRUE},
    {"sat-mon 00:00-24:00", "UTC", "2026-12-01T00:00:00Z", FALSE},
    {"tue 01:00-02:00, 12:00-13:00", "UTC", "2026-11-25T12:30:00Z", TRUE},
    {"22:00-06:00", "Europe/Berlin", "2026-11-25T21:00:00Z", TRUE},
    /* In summer the same local hours are an hour earlier in UTC. */
    {"22:00-06:00", "Europe/Berlin", "2026-07-25T20:00:00Z", TRUE},
    {"22:00-06:00", "Europe/Berlin", "2026-07-26T04:00:00Z", FALSE},
    /* In the night of 29 March there is no 02:30 (summer time begins), and in that of 25 October
     * there are two. */
    {"22:00-02:30", "Europe/Berlin", "2026-03-29T00:59:00Z", TRUE},
    {"22:00-02:30", "Europe/Berlin", "2026-03-29T01:00:00Z", FALSE},
    {"22:00-02:30", "Europe/Berlin", "2026-10-25T00:29:00Z", TRUE},
    {"22:00-02:30", "Europe/Berlin", "2026-10-25T00:31:00Z", FALSE},
    {"22:00-02:30", "Europe/Berlin", "2026-10-25T01:29:00Z", TRUE},
    {"22:00-02:30", "Europe/Berlin", "2026-10-25T01:31:00Z", FALSE},
};

GST_START_TEST (test_quiet_hours)
{
  g_autoptr (AlertsQuiet) quiet = alerts_quiet_parse (hours[__i__].spans, hours[__i__].zone, NULL);
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (hours[__i__].time, NULL);

  fail_unless (quiet && time);
  fail_unless_equals_int (
      alerts_quiet_contains (quiet, g_date_time_to_unix (time) * 1000), hours[__i__].quiet);
}
GST_END_TEST;

/* --- watches --- */

static const struct {
  const gchar *rule, *numbers;
} plays[] = {
    {"kind=faces\nabove=5", "1 6> 6 5! 6> 0!"},
    {"kind=faces\nabove=5\nuntil=3", "6> 5 4 6 3! 5 6>"},
    {"kind=faces\nabove=5\nfor=2s", "6 6 6> 6 5!"},
    {"kind=faces\nabove=5\nfor=2s", "6 5 6 6 6>"},
    /* A frame's number of faces counts until the next frame's time. */
    {"kind=faces\nabove=5\nfor=2s", "6 6 0! 0"},
    {"kind=faces\nabove=5\nuntil-for=2s", "6> 1 6 1 1 1! 1"},
    {"kind=faces\nabove=0", "0 1> 0! 0"},
};

GST_START_TEST (test_hysteresis)
{
  g_autoptr (AlertsRules) rules = make_rules (plays[__i__].rule);
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");

  play (watch, plays[__i__].numbers);
}
GST_END_TEST;

GST_START_TEST (test_a_number_of_faces_stops_counting_if_no_event_follows)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=faces\nabove=5\nfor=3s");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");
  AlertsSample sample = sample_of (0, 6, 0), much_later = sample_of (60, 6, 1);
  const AlertsNotice *fired, *ended;

  sample.hold = 2000;
  fail_if (alerts_watch_take (watch, &sample));
  fail_if (alerts_watch_tick (watch, NOW + 1000));
  fail_if (alerts_watch_tick (watch, NOW + 60000));
  sample = much_later;
  fail_if (alerts_watch_take (watch, &sample));
  fail_if (alerts_watch_tick (watch, NOW + 62000));
  fail_unless (alerts_watch_tick (watch, NOW + 63000));
  fail_unless (alerts_watch_tick (watch, NOW + 66000));
  fired = watch->notices.head->data;
  ended = watch->notices.tail->data;
  fail_unless (fired->firing && !ended->firing);
  /* The alert's end is the time at which its last number stopped counting, not the time at which
   * this was found. */
  fail_unless (strstr (fired->body, "\"start\":\"2027-01-15T08:01:00.000Z\""), "%s", fired->body);
  fail_unless (strstr (ended->body, "\"ended\":\"2027-01-15T08:01:05.000Z\""), "%s", ended->body);
}
GST_END_TEST;

GST_START_TEST (test_order_and_clocks)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=faces\nabove=5\nfor=10s");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");
  AlertsSample late = sample_of (2, 0, 9), back = sample_of (-7200, 6, 10);

  play (watch, "6 6 6 6");
  /* an older event, whose frame another replica has counted late */
  fail_if (alerts_watch_take (watch, &late));
  fail_unless_equals_int (watch->phase, ALERTS_PENDING);
  fail_if (alerts_watch_take (watch, &back)); /* the camera's clock was set back */
  fail_unless_equals_int64 (watch->start, back.time);
  for (gint64 i = 1; i < 10; i++) {
    back = sample_of (-7200 + i, 6, 10 + i);
    fail_if (alerts_watch_take (watch, &back));
  }
  back = sample_of (-7190, 6, 20);
  fail_unless (alerts_watch_take (watch, &back));
}
GST_END_TEST;

GST_START_TEST (test_silence)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=silent\nfor=10s\nforget=1h");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");
  AlertsSample sample = sample_of (0, 0, 0), again = sample_of (30, 0, 1);

  fail_if (alerts_watch_tick (watch, NOW)); /* a camera that was never seen isn't silent */
  fail_if (alerts_watch_take (watch, &sample));
  fail_if (alerts_watch_tick (watch, NOW + 9000));
  fail_unless_equals_int (alerts_watch_get_needed (watch)->offset, 0);
  fail_unless (alerts_watch_tick (watch, NOW + 10000));
  fail_if (alerts_watch_tick (watch, NOW + 20000));
  fail_unless (alerts_watch_get_needed (watch) == NULL);
  fail_unless (alerts_watch_take (watch, &again));
  watch->patience = 20000; /* the camera's frames have a longer interval now */
  fail_if (alerts_watch_tick (watch, NOW + 49000));
  fail_unless (alerts_watch_tick (watch, NOW + 50000));
  /* The alert ends after an hour (forget), although the camera never came back. */
  fail_unless (alerts_watch_tick (watch, NOW + 3651000));
  fail_unless_equals_int (watch->phase, ALERTS_REST);
  fail_if (alerts_watch_tick (watch, NOW + 9000000));
  fail_unless_equals_int (watch->notices.length, 4);
}
GST_END_TEST;

/* A rule may wait for longer than it remembers. */
GST_START_TEST (test_a_long_silence_is_noticed)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=replica\nfor=2h\nforget=1h");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "fog-1");
  AlertsSample sample = sample_of (0, 0, 0);

  alerts_watch_take (watch, &sample);
  fail_if (alerts_watch_is_over (watch, NOW + 5400000));
  fail_unless (alerts_watch_tick (watch, NOW + 7200000));
  watch->patience = 5 * 3600000; /* a camera's still intervals */
  fail_if (alerts_watch_tick (watch, NOW + 5 * 3600000 + 1000));
  fail_unless (alerts_watch_tick (watch, NOW + 7 * 3600000));
  g_queue_clear_full (&watch->notices, (GDestroyNotify) alerts_notice_unref);
  fail_if (alerts_watch_is_over (watch, NOW + 6 * 3600000));
  fail_unless (alerts_watch_is_over (watch, NOW + 13 * 3600000));
}
GST_END_TEST;

GST_START_TEST (test_a_replica_that_has_said_that_it_leaves_is_not_silent)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=replica\nfor=10s");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "fog-1");
  AlertsSample sample = sample_of (0, 0, 0), leaving = sample_of (1, 0, 1);

  fail_if (alerts_watch_take (watch, &sample));
  fail_if (alerts_watch_leave (watch, &leaving));
  fail_if (alerts_watch_tick (watch, NOW + 60000));
  fail_unless (alerts_watch_get_needed (watch) == NULL);
}
GST_END_TEST;

/* --- ids and restarts --- */

GST_START_TEST (test_ids)
{
  g_autofree gchar *id = alerts_make_id ("r", "cam-1", NOW);
  g_autofree gchar *same = alerts_make_id ("r", "cam-1", NOW);
  g_autofree gchar *later = alerts_make_id ("r", "cam-1", NOW + 1);
  g_autofree gchar *other = alerts_make_id ("r", "cam-2", NOW);

  fail_unless_equals_string (id, same);
  fail_if (g_str_equal (id, later) || g_str_equal (id, other));
  fail_unless_equals_int (strlen (id), 32);
}
GST_END_TEST;

static AlertsWatch *
restart (const AlertsWatch *watch, const AlertsRules *rules, gint64 now)
{
  g_autoptr (GBytes) record = alerts_watch_to_json (watch);
  g_autoptr (GError) error = NULL;
  gsize size;
  const gchar *text = g_bytes_get_data (record, &size);
  guint missing = 0;
  AlertsWatch *again = alerts_watch_from_json (text, size, rules, now, &missing, &error);

  fail_unless (again != NULL, "%s", error ? error->message : "");
  fail_unless_equals_int (missing, 0);
  return again;
}

/* Numbers of faces for tests of restarts, one a second: the alert fires at index 4, ends at index
 * 9, and fires again at index 12. */
static const gdouble numbers[] = {0, 6, 6, 6, 6, 6, 6, 2, 2, 2, 6, 6, 6, 6};

/* Gives the watch the numbers from @first up to @end. After each change of the alert, *@durable is
 * a copy of the watch as a restart reads it, and @keys gets the notice's key. */
static void
run_through (const AlertsRules *rules, AlertsWatch **watch, AlertsWatch **durable, guint first,
    guint end, GPtrArray *keys)
{
  for (guint i = first; i < end; i++) {
    AlertsSample sample = sample_of (i, numbers[i], i);

    if (!alerts_watch_take (*watch, &sample))
      continue;
    g_clear_pointer (durable, alerts_watch_free);
    *durable = restart (*watch, rules, NOW);
    g_ptr_array_add (
        keys, g_strdup (((AlertsNotice *) g_queue_peek_tail (&(*watch)->notices))->key));
  }
}

/* A watch is killed before number __i__ (0 to 13), and restarted from its last record; it reads
 * again from the oldest number that it still needs. */
GST_START_TEST (test_a_kill_between_any_two_events_changes_no_alert)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=faces\nabove=5\nuntil=3\nfor=3s\nuntil-for=2s");
  const AlertsRule *rule = g_ptr_array_index (rules->rules, 0);
  g_autoptr (GPtrArray) whole = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) broken = g_ptr_array_new_with_free_func (g_free);
  AlertsWatch *watch = alerts_watch_new (rule, "cam-1"), *durable = NULL;
  const AlertsPlace *needed;
  guint again;

  run_through (rules, &watch, &durable, 0, G_N_ELEMENTS (numbers), whole);
  g_clear_pointer (&durable, alerts_watch_free);
  alerts_watch_free (watch);
  fail_unless_equals_int (whole->len, 3);

  watch = alerts_watch_new (rule, "cam-1");
  run_through (rules, &watch, &durable, 0, (guint) __i__, broken);
  needed = alerts_watch_get_needed (watch);
  again = needed ? (guint) needed->offset : (guint) __i__;
  alerts_watch_free (watch);
  watch = durable ? g_steal_pointer (&durable) : alerts_watch_new (rule, "cam-1");
  run_through (rules, &watch, &durable, again, G_N_ELEMENTS (numbers), broken);
  fail_unless_equals_int (broken->len, whole->len);
  for (guint i = 0; i < whole->len; i++)
    fail_unless_equals_string (g_ptr_array_index (broken, i), g_ptr_array_index (whole, i));
  g_clear_pointer (&durable, alerts_watch_free);
  alerts_watch_free (watch);
}
GST_END_TEST;

GST_START_TEST (test_messages_that_are_read_again_change_no_alert)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=faces\nabove=5");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");
  g_autoptr (AlertsWatch) again = NULL;

  play (watch, "0 6> 6 0! 0");
  again = restart (watch, rules, NOW);
  play (again, "0 6 6 0 0 6>");
}
GST_END_TEST;

GST_START_TEST (test_an_alert_still_fires_after_a_restart)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=faces\nabove=5");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");
  g_autoptr (AlertsWatch) goes_on = NULL, ended = NULL;
  AlertsSample sample = sample_of (100, 7, 9);

  play (watch, "6>");
  goes_on = restart (watch, rules, NOW + 99000);
  fail_if (alerts_watch_tick (goes_on, NOW + 99500));
  fail_if (alerts_watch_take (goes_on, &sample));
  fail_unless (alerts_watch_is_firing (goes_on));
  /* If no event comes after the restart, the alert ends. */
  ended = restart (watch, rules, NOW + 99000);
  fail_if (alerts_watch_tick (ended, NOW + 103000));
  fail_unless (alerts_watch_tick (ended, NOW + 105000));
}
GST_END_TEST;

GST_START_TEST (test_a_camera_that_stopped_while_alerts_did_not_run_is_silent)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=silent\nfor=10s");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");
  g_autoptr (AlertsWatch) again = NULL;
  AlertsSample seen = sample_of (0, 0, 0), later = sample_of (30, 0, 7);

  alerts_watch_take (watch, &seen);
  fail_unless (alerts_watch_tick (watch, NOW + 20000));
  fail_unless (alerts_watch_take (watch, &later));
  again = restart (watch, rules, NOW + 60000);
  /* The message that ended the first alert is read again, and changes nothing. */
  fail_if (alerts_watch_take (again, &later));
  fail_unless (alerts_watch_tick (again, NOW + 70000));
  fail_unless (alerts_watch_is_firing (again));
}
GST_END_TEST;

/* --- messages --- */

typedef struct {
  guint changes;
  AlertsWatch *watch;
} Seen;

static void
note_change (AlertsWatch *watch, gpointer data)
{
  ((Seen *) data)->changes++;
  ((Seen *) data)->watch = watch;
}

static void
give_event (AlertsBook *book, gint64 offset, const gchar *text)
{
  AlertsMessage message = {{ALERTS_EVENTS, 0, offset}, NOW, NOW, text, strlen (text)};
  g_autoptr (GError) error = NULL;

  fail_unless (alerts_book_take_event (book, &message, &error), "%s", error ? error->message : "");
}

static void
give_report (AlertsBook *book, gint64 offset, gint64 seconds, const gchar *text)
{
  AlertsMessage message = {
      {ALERTS_REPORTS, 0, offset}, NOW + seconds * 1000, NOW + seconds * 1000, text, strlen (text)};
  g_autoptr (GError) error = NULL;

  fail_unless (alerts_book_take_report (book, &message, &error), "%s", error ? error->message : "");
}

#define EVENT(seconds, zones)                                                                      \
  "{\"_id\":\"cam-1:s:1\",\"camera\":\"cam-1\",\"seq\":1,\"captured\":{\"$date\":"                 \
  "\"2027-01-15T08:00:" seconds "Z\"},\"faces\":4,\"boxes\":[]," zones "\"replica\":\"f\"}"

GST_START_TEST (test_events_and_zones)
{
  g_autoptr (AlertsRules) rules =
      make_rules ("kind=faces\ncamera=cam-*\nzone=door\nabove=2\nuntil=1");
  Seen seen = {0};
  AlertsBook *book = alerts_book_new (rules, note_change, &seen);
  AlertsMessage broken = {{ALERTS_EVENTS, 0, 9}, NOW, NOW, "{", 1};

  give_event (book, 0, EVENT ("00", "\"zones\":{\"door\":2,\"hall\":4},"));
  give_event (book, 1, EVENT ("01", ""));
  fail_unless_equals_int (seen.changes, 0);
  give_event (book, 2, EVENT ("02", "\"zones\":{\"door\":3},"));
  fail_unless_equals_int (seen.changes, 1);
  give_event (book, 3, EVENT ("03", "\"zones\":{\"door\":1},"));
  fail_unless_equals_int (seen.changes, 2);
  fail_if (alerts_book_take_event (book, &broken, NULL));
  alerts_book_free (book);
}
GST_END_TEST;

#define REPORT(seq, more)                                                                          \
  "{\"replica\":\"fog-1\",\"seq\":" #seq ",\"interval\":1,\"frames\":9,\"busy\":0.5,"              \
  "\"workers\":1,\"age\":{\"p95\":7}," more "\"cameras\":{\"cam-1\":{\"frames\":9}}}"

GST_START_TEST (test_reports)
{
  static const struct {
    const gchar *rule, *text;
    gint64 ticked; /* time (s) after which the alert fires */
  } cases[] = {
      {"kind=waiting\nabove=10\nfor=1s", "replica fog-1: 11, more than 10", 0},
      {"kind=late\nabove=5\nfor=1s", "7 s after their capture", 0},
      {"kind=silent\nfor=20s", "no frame of camera cam-1", 21},
      {"kind=replica\nfor=20s", "replica fog-1 sent no report", 21},
  };
  g_autoptr (AlertsRules) rules = make_rules (cases[__i__].rule);
  Seen seen = {0};
  AlertsBook *book = alerts_book_new (rules, note_change, &seen);
  gint64 until = NOW + cases[__i__].ticked * 1000;
  const gint64 known[ALERTS_SOURCES] = {until, until}, none[ALERTS_SOURCES] = {0};
  const AlertsNotice *notice;

  give_report (book, 0, -1, REPORT (0, "\"lag\":11,"));
  give_report (book, 1, 0, REPORT (1, "\"lag\":11,"));
  /* While Kafka doesn't answer, nothing is known, so no alert fires. */
  alerts_book_tick (book, none);
  fail_unless_equals_int (seen.changes, cases[__i__].ticked ? 0 : 1);
  alerts_book_tick (book, known);
  fail_unless_equals_int (seen.changes, 1);
  notice = g_queue_peek_head (&seen.watch->notices);
  fail_unless (strstr (notice->body, cases[__i__].text), "%s", notice->body);
  alerts_book_free (book);
}
GST_END_TEST;

#define LOOK(seq, detail, frozen)                                                                  \
  "{\"replica\":\"fog-1\",\"seq\":1,\"interval\":1,\"frames\":9,\"busy\":0.5,\"workers\":1,"       \
  "\"cameras\":{\"cam-1\":{\"frames\":9,\"brightness\":20,\"detail\":" detail                      \
  ",\"frozen\":" frozen "}}}"

/* An alert begins when reports have said for long enough that the lens is covered or the picture
 * frozen, doesn't end and begin again near the limit, and ends when the picture is clear, or moves,
 * again. Reports without `detail` and `frozen` change nothing. */
GST_START_TEST (test_covered_and_frozen)
{
  static const struct {
    const gchar *rule, *text, *good, *near, *bad;
  } cases[] = {
      {"kind=covered\nfor=2s", "as if the lens is covered: 88 %, more than 75 %",
          LOOK (0, "30", "0"), LOOK (0, "6", "0"), LOOK (0, "2", "0")},
      {"kind=frozen\nfor=0s", "hasn't changed by a bit for 31 s", LOOK (0, "30", "0"),
          LOOK (0, "30", "20"), LOOK (0, "30", "31")},
  };
  g_autoptr (AlertsRules) rules = make_rules (cases[__i__].rule);
  Seen seen = {0};
  AlertsBook *book = alerts_book_new (rules, note_change, &seen);
  const AlertsNotice *notice;

  give_report (book, 0, 0, cases[__i__].good);
  give_report (book, 1, 1, cases[__i__].near);
  give_report (book, 2, 2, REPORT (2, ""));
  fail_unless_equals_int (seen.changes, 0);
  for (gint64 s = 3; s < 6; s++)
    give_report (book, s, s, cases[__i__].bad);
  fail_unless_equals_int (seen.changes, 1);
  notice = g_queue_peek_head (&seen.watch->notices);
  fail_unless (strstr (notice->body, cases[__i__].text), "%s", notice->body);
  give_report (book, 6, 6, cases[__i__].near);
  fail_unless_equals_int (seen.changes, 1);
  give_report (book, 7, 7, cases[__i__].good);
  fail_unless_equals_int (seen.changes, 2);
  alerts_book_free (book);
}
GST_END_TEST;

/* Nothing counts as silent because Kafka doesn't answer for a minute, or because the clock is
 * set. */
GST_START_TEST (test_nothing_is_silent_because_kafka_does_not_answer)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=replica\nfor=20s");
  Seen seen = {0};
  AlertsBook *book = alerts_book_new (rules, note_change, &seen);
  const gint64 steps[] = {1000, 61000, 72000, -3600000, -3590000};

  give_report (book, 0, 0, REPORT (0, ""));
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    const gint64 known[ALERTS_SOURCES] = {NOW + steps[i], NOW + steps[i]};

    alerts_book_tick (book, known);
    fail_unless_equals_int (seen.changes, 0);
  }
  for (gint64 ms = -3590000; ms <= -3570000; ms += 500) {
    const gint64 known[ALERTS_SOURCES] = {NOW + ms, NOW + ms};

    alerts_book_tick (book, known);
  }
  fail_unless_equals_int (seen.changes, 1);
  alerts_book_free (book);
}
GST_END_TEST;

/* --- metrics --- */

GST_START_TEST (test_metrics)
{
  static const gchar text[] = "# TYPE gstfog_rejected_total counter\n"
                              "gstfog_rejected_total{stage=\"a\",reason=\"refused\"} 3\n"
                              "gstfog_rejected_total{element=\"b\",reason=\"refused\"} 4\n"
                              "gstfog_rejected_total{reason=\"bad-caps\"} 1e3\n"
                              "gstfog_rejected_total{noreason=\"x\"} 9\n"
                              "gstfog_rejected_total{reason=\"nan\"} NaN\n"
                              "gstfog_rejected_total{reason=\"none\"}\n"
                              "gstfog_rejected_total{reason=\"open} 1\n"
                              "gstfog_rejected_totals{reason=\"other\"} 1\n"
                              "gstfog_lag_seconds{topic=\"camera\",element=\"a\"} 2.5\n"
                              "gstfog_lag_seconds{topic=\"camera\",element=\"b\"} 1\n"
                              "gstfog_lag_seconds{topic=\"database\"} 0";
  g_autoptr (GHashTable) rejected =
      alerts_metrics_parse (text, alerts_kind_get_metric (ALERTS_REJECTED));
  g_autoptr (GHashTable) old = alerts_metrics_parse (text, alerts_kind_get_metric (ALERTS_OLD));

  fail_unless_equals_int (g_hash_table_size (rejected), 2);
  fail_unless (*(gdouble *) g_hash_table_lookup (rejected, "refused") == 7);
  fail_unless (*(gdouble *) g_hash_table_lookup (rejected, "bad-caps") == 1000);
  fail_unless_equals_int (g_hash_table_size (old), 2);
  fail_unless (*(gdouble *) g_hash_table_lookup (old, "camera") == 2.5);
  fail_unless (alerts_kind_get_metric (ALERTS_FACES) == NULL);

  fail_unless (alerts_metrics_grow (5, 7, FALSE) == 2);
  fail_unless (alerts_metrics_grow (5, 2, FALSE) == 2); /* a new process */
  fail_unless (alerts_metrics_grow (-1, 7, FALSE) == 0);
  fail_unless (alerts_metrics_grow (-1, 7, TRUE) == 7);
}
GST_END_TEST;

/* back: s by which this machine's clock is set back after an alert */
GST_START_TEST (test_what_is_counted_after_the_clock_was_set_back)
{
  static const gint64 back[] = {1, 300, 3600};
  g_autoptr (AlertsRules) rules = make_rules ("kind=rejected\nstages=http://fog/metrics");
  const AlertsRule *rule = g_ptr_array_index (rules->rules, 0);
  gint64 now = NOW - back[__i__] * 1000;
  Seen seen = {0};
  AlertsBook *book = alerts_book_new (rules, note_change, &seen);

  alerts_book_take_number (book, rule, "refused at fog", 3, 16000, NOW);
  fail_unless_equals_int (seen.changes, 1);
  fail_unless (alerts_watch_end (seen.watch, NOW, "a test"));
  alerts_book_take_number (book, rule, "refused at fog", 3, 16000, now);
  fail_unless_equals_int (seen.changes, 2);
  fail_unless (alerts_watch_is_firing (seen.watch));
  alerts_book_free (book);
}
GST_END_TEST;

/* --- delivery --- */

GST_START_TEST (test_waits)
{
  gint64 before = 0, wait;

  for (guint tries = 1; tries <= 9; tries++, before = wait) {
    wait = alerts_delivery_get_wait (tries, 0.5);
    fail_unless (wait > before);
  }
  fail_unless_equals_int64 (alerts_delivery_get_wait (1, 0.5), 1000);
  fail_unless_equals_int64 (alerts_delivery_get_wait (4000000000U, 0.5), 300000);
  fail_unless_equals_int64 (alerts_webhook_read_wait (NULL, 0), 0);
  fail_unless_equals_int64 (alerts_webhook_read_wait ("120", 0), 120000);
  fail_unless_equals_int64 (alerts_webhook_read_wait ("99999999999999", 0), 3600000);
  fail_unless_equals_int64 (alerts_webhook_read_wait ("Thu, 01 Jan 1970 00:01:00 GMT", 30), 30000);
  fail_unless_equals_int64 (alerts_webhook_read_wait ("soon", 30), 0);
}
GST_END_TEST;

GST_START_TEST (test_answers)
{
  static const guint again[] = {408, 429, 500, 502, 503, 599},
                     never[] = {301, 307, 400, 401, 404, 410};

  fail_unless_equals_int (alerts_webhook_judge (204), ALERTS_SENT);
  for (guint i = 0; i < G_N_ELEMENTS (again); i++)
    fail_unless_equals_int (alerts_webhook_judge (again[i]), ALERTS_FAILED);
  for (guint i = 0; i < G_N_ELEMENTS (never); i++)
    fail_unless_equals_int (alerts_webhook_judge (never[i]), ALERTS_REFUSED);
}
GST_END_TEST;

/* The example in the tests of Standard Webhooks has this signature. */
GST_START_TEST (test_signature)
{
  gsize size;
  guchar *key = g_base64_decode ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &size);
  g_autoptr (GBytes) secret = g_bytes_new_take (key, size);
  g_autofree gchar *signature = alerts_webhook_sign (
      secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}");

  fail_unless_equals_string (signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}
GST_END_TEST;

GST_START_TEST (test_an_alert_that_began_and_ended_in_quiet_hours_is_not_sent)
{
  g_autoptr (AlertsRules) rules =
      make_rules ("kind=faces\nabove=5\nquiet=00:00-24:00\ntime-zone=UTC");
  const AlertsRule *rule = g_ptr_array_index (rules->rules, 0);
  g_autoptr (AlertsWatch) watch = alerts_watch_new (rule, "cam-1");
  g_autoptr (AlertsWatch) again = NULL;
  AlertsNotice *first;

  play (watch, "6> 0! 6>");
  first = watch->notices.head->data;
  fail_unless (alerts_delivery_is_needless (watch->notices.head, rule, NOW));
  fail_if (alerts_delivery_is_needless (watch->notices.head->next, rule, NOW));
  fail_if (alerts_delivery_is_needless (watch->notices.tail, rule, NOW));
  first->tried = TRUE; /* a receiver may have it, after a restart as before */
  fail_if (alerts_delivery_is_needless (watch->notices.head, rule, NOW));
  again = restart (watch, rules, NOW);
  fail_if (alerts_delivery_is_needless (again->notices.head, rule, NOW));
}
GST_END_TEST;

GST_START_TEST (test_notices_beyond_32_are_dropped_and_counted)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=faces\nabove=5");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");

  for (gint64 i = 0; i < 40; i++) {
    AlertsSample sample = sample_of (i, i % 2 ? 0 : 6, i);

    fail_unless (alerts_watch_take (watch, &sample));
  }
  fail_unless_equals_int (watch->notices.length, 32);
  fail_unless_equals_int (watch->dropped, 8);
}
GST_END_TEST;

/* What comes next may not overtake what is under way. */
GST_START_TEST (test_a_notice_that_is_sent_keeps_its_place)
{
  g_autoptr (AlertsRules) rules = make_rules ("kind=faces\nabove=5");
  g_autoptr (AlertsWatch) watch = alerts_watch_new (g_ptr_array_index (rules->rules, 0), "cam-1");
  const AlertsNotice *first;

  play (watch, "6>");
  first = watch->notices.head->data;
  ((AlertsSend *) g_ptr_array_index (first->sends, 0))->sending = TRUE;
  for (gint64 i = 1; i < 40; i++) {
    AlertsSample sample = sample_of (i, i % 2 ? 0 : 6, i);

    fail_unless (alerts_watch_take (watch, &sample));
  }
  fail_unless (watch->notices.head->data == first);
  fail_unless_equals_int (watch->notices.length, 32);
}
GST_END_TEST;

static Suite *
alerts_suite (void)
{
  Suite *suite = suite_create ("alerts");
  TCase *tc = tcase_create ("rules");

  suite_add_tcase (suite, tc);
  tcase_add_loop_test (tc, test_an_error_in_the_rule_file_names_its_line, 0, G_N_ELEMENTS (faults));
  tcase_add_test (tc, test_a_rule_file_is_a_regular_one);
  tcase_add_test (tc, test_the_example);
  tcase_add_loop_test (tc, test_quiet_hours, 0, G_N_ELEMENTS (hours));
  tcase_add_loop_test (tc, test_hysteresis, 0, G_N_ELEMENTS (plays));
  tcase_add_test (tc, test_a_number_of_faces_stops_counting_if_no_event_follows);
  tcase_add_test (tc, test_order_and_clocks);
  tcase_add_test (tc, test_silence);
  tcase_add_test (tc, test_a_long_silence_is_noticed);
  tcase_add_test (tc, test_a_replica_that_has_said_that_it_leaves_is_not_silent);
  tcase_add_test (tc, test_ids);
  tcase_add_loop_test (
      tc, test_a_kill_between_any_two_events_changes_no_alert, 0, G_N_ELEMENTS (numbers));
  tcase_add_test (tc, test_messages_that_are_read_again_change_no_alert);
  tcase_add_test (tc, test_an_alert_still_fires_after_a_restart);
  tcase_add_test (tc, test_a_camera_that_stopped_while_alerts_did_not_run_is_silent);
  tcase_add_test (tc, test_events_and_zones);
  tcase_add_loop_test (tc, test_reports, 0, 4);
  tcase_add_loop_test (tc, test_covered_and_frozen, 0, 2);
  tcase_add_test (tc, test_nothing_is_silent_because_kafka_does_not_answer);
  tcase_add_test (tc, test_metrics);
  tcase_add_loop_test (tc, test_what_is_counted_after_the_clock_was_set_back, 0, 3);
  tcase_add_test (tc, test_waits);
  tcase_add_test (tc, test_answers);
  tcase_add_test (tc, test_signature);
  tcase_add_test (tc, test_an_alert_that_began_and_ended_in_quiet_hours_is_not_sent);
  tcase_add_test (tc, test_notices_beyond_32_are_dropped_and_counted);
  tcase_add_test (tc, test_a_notice_that_is_sent_keeps_its_place);
  return suite;
}

GST_CHECK_MAIN (alerts);
