/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs one client of the comparison in tests/bench/kafka: librdkafka in a bare loop without copies,
 * or the elements. Prints its measurements as a line of JSON. bench-kafka bare|element
 * produce|consume --servers=… --topic=… */
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "kafkaclient.h"

#define SET_BYTES (64 * 1024 * 1024)

static Job job = {.size = 60000, .count = 1000, .warm_up = 100, .partitions = 10};

static const GOptionEntry entries[] = {
    {"servers", 0, 0, G_OPTION_ARG_STRING, &job.servers, "Brokers", "HOST:PORT"},
    {"topic", 0, 0, G_OPTION_ARG_STRING, &job.topic, "Topic, there already", "NAME"},
    {"size", 0, 0, G_OPTION_ARG_INT, &job.size, "Bytes of a frame", "N"},
    {"count", 0, 0, G_OPTION_ARG_INT, &job.count, "Messages to measure", "N"},
    {"warm-up", 0, 0, G_OPTION_ARG_INT, &job.warm_up, "Messages of the warm-up, at least 1", "N"},
    {"rate", 0, 0, G_OPTION_ARG_INT, &job.rate, "Frames a second (as fast as it goes)", "N"},
    {"partitions", 0, 0, G_OPTION_ARG_INT, &job.partitions, "Of the topic", "N"},
    {"headers", 0, 0, G_OPTION_ARG_NONE, &job.headers, "The bare loop reads headers", NULL},
    {"source", 0, 0, G_OPTION_ARG_NONE, &job.source, "The bare loop is a source of GStreamer's",
        NULL},
    {"work", 0, 0, G_OPTION_ARG_INT, &job.work,
        "Time that the bare loop works for each message that it reads (0 ns)", "N"},
    {"option", 'X', 0, G_OPTION_ARG_STRING_ARRAY, &job.options, "Of librdkafka", "NAME=VALUE"},
    {"property", 'P', 0, G_OPTION_ARG_STRING_ARRAY, &job.properties, "Of the element",
        "NAME=VALUE"},
    {NULL},
};

gint64
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

static gdouble
cpu_now (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* --- tally --- */

/* Callgrind counts from here, and knows functions by their names. */
G_GNUC_NO_INLINE void
tally_begin (Tally *tally)
{
  tally->cpu = -cpu_now ();
  tally->began = g_get_monotonic_time ();
}

G_GNUC_NO_INLINE void
tally_end (Tally *tally)
{
  tally->ended = g_get_monotonic_time ();
  tally->cpu += cpu_now ();
}

static void
note_latency (Tally *tally, gconstpointer data)
{
  gint64 sent;
  gdouble ms;

  memcpy (&sent, data, sizeof sent);
  ms = (now_ns () - sent) / 1e6;
  g_array_append_val (tally->latencies, ms);
}

gboolean
tally_add (Tally *tally, gconstpointer data, gsize size)
{
  if (size != (gsize) tally->job->size)
    g_error ("a message of %" G_GSIZE_FORMAT " bytes", size);
  if (tally->ended)
    return FALSE;
  if (tally->job->rate > 0 && tally->seen >= tally->job->warm_up)
    note_latency (tally, data);
  tally->seen++;
  if (tally->seen == tally->job->warm_up)
    tally_begin (tally);
  if (tally->seen != tally->job->warm_up + tally->job->count)
    return FALSE;
  tally_end (tally);
  return TRUE;
}

static void
print_tally (const Tally *tally)
{
  g_print ("{\"messages\": %d, \"bytes\": %" G_GINT64_FORMAT ", \"seconds\": %.6f, \"cpu\": %.6f, "
           "\"latencies\": [",
      tally->job->count, (gint64) tally->job->count * tally->job->size,
      (tally->ended - tally->began) / 1e6, tally->cpu);
  for (guint i = 0; i < tally->latencies->len; i++)
    g_print ("%s%.3f", i ? ", " : "", g_array_index (tally->latencies, gdouble, i));
  g_print ("]}\n");
}

/* --- producing --- */

guint8 *
frame_take (const Job *j, gint i)
{
  static guint8 *set;
  static gint n;

  if (!set) {
    GRand *rand = g_rand_new_with_seed (1);

    n = SET_BYTES / j->size + 1;
    set = g_malloc ((gsize) n * j->size);
    for (gsize at = 0; at + 4 <= (gsize) n * j->size; at += 4)
      *(guint32 *) (set + at) = g_rand_int (rand);
    g_rand_free (rand);
  }
  return set + (gsize) (i % n) * j->size;
}

static void
sleep_until (gint64 ns)
{
  const struct timespec until = {.tv_sec = ns / G_GINT64_CONSTANT (1000000000),
      .tv_nsec = ns % G_GINT64_CONSTANT (1000000000)};

  while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
    ;
}

static void
send_paced (const Producer *producer, gint from, gint to)
{
  gint64 start = now_ns ();

  for (gint i = from; i < to; i++) {
    guint8 *frame = frame_take (&job, i);

    if (job.rate > 0) {
      gint64 sent;

      sleep_until (start + (i - from) * G_GINT64_CONSTANT (1000000000) / job.rate);
      sent = now_ns ();
      memcpy (frame, &sent, sizeof sent);
    }
    producer->send (frame, i);
  }
}

static void
produce (const Producer *producer, Tally *tally)
{
  frame_take (&job, 0);
  producer->open (&job);
  send_paced (producer, 0, job.warm_up);
  producer->wait ();
  tally_begin (tally);
  send_paced (producer, job.warm_up, job.warm_up + job.count);
  producer->wait ();
  tally_end (tally);
  producer->close ();
}

static gboolean
run (const gchar *client, const gchar *role, Tally *tally)
{
  gboolean bare = g_str_equal (client, "bare");

  if (!bare && !g_str_equal (client, "element"))
    return FALSE;
  if (g_str_equal (role, "produce"))
    produce (bare ? &bare_producer : &element_producer, tally);
  else if (g_str_equal (role, "consume"))
    (!bare ? element_consume : job.source ? source_consume : bare_consume) (&job, tally);
  else
    return FALSE;
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("bare|element produce|consume");
  g_autoptr (GError) error = NULL;
  Tally tally = {.job = &job, .latencies = g_array_new (FALSE, FALSE, sizeof (gdouble))};

  gst_init (NULL, NULL);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 3 || !job.servers ||
      !job.topic || !run (argv[1], argv[2], &tally)) {
    g_printerr ("%s\n", error ? error->message : "Name a client, a role, --servers and --topic.");
    return 2;
  }
  print_tally (&tally);
  g_array_unref (tally.latencies);
  return 0;
}
