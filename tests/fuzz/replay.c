/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* replay INPUTS FOLDER: runs a fuzz target without libFuzzer: with each file of FOLDER, and with
 * INPUTS inputs that are made from these files by changing bytes. The random numbers have a fixed
 * seed, so that each run has the same inputs. The input that ends the process is written to the
 * file fuzz-input-TARGET in the working directory; `replay 0 FOLDER` repeats a folder of such
 * files. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_SIZE 8192
#define MAX_CHANGES 8

static struct {
  guint8 data[MAX_SIZE];
  gsize size;
} input;

/* file for the input that ends the process */
static gchar *kept;

/* A sanitizer aborts the process after its report, so that the input is kept. It looks up these
 * functions; a build without sanitizers calls neither. */
const char *__asan_default_options (void);
const char *__ubsan_default_options (void);

__attribute__ ((visibility ("default"))) const char *
__asan_default_options (void)
{
  return "abort_on_error=1";
}

__attribute__ ((visibility ("default"))) const char *
__ubsan_default_options (void)
{
  return "abort_on_error=1";
}

static void
keep_input (int number)
{
  int fd = open (kept, O_WRONLY | O_CREAT | O_TRUNC, 0600);

  if (fd < 0 || write (fd, input.data, input.size) < 0 || close (fd) < 0)
    _exit (3);
  raise (number);
}

/* Catches the signals that no sanitizer has caught, because a sanitizer's handler reports more. */
static void
catch_faults (void)
{
  static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  struct sigaction action = {.sa_handler = keep_input, .sa_flags = SA_RESETHAND};

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    struct sigaction old;

    if (sigaction (numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
      sigaction (numbers[i], &action, NULL);
  }
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const gchar *const *) a, *(const gchar *const *) b);
}

/* Returns the contents of the files in @folder, in the order of their names. */
static GPtrArray *
read_folder (const gchar *folder)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  GPtrArray *files = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir)))
    g_ptr_array_add (names, g_build_filename (folder, name, NULL));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    gchar *data = NULL;
    gsize size = 0;

    if (!g_file_get_contents (g_ptr_array_index (names, i), &data, &size, NULL))
      g_error ("%s can't be read", (const gchar *) g_ptr_array_index (names, i));
    g_ptr_array_add (files, g_bytes_new_take (data, size));
  }
  return files;
}

static void
take (GBytes *file)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (file, &size);

  input.size = MIN (size, MAX_SIZE);
  if (input.size > 0)
    memcpy (input.data, data, input.size);
}

static gsize
pick (GRand *random, gsize most)
{
  return (gsize) g_rand_int_range (random, 0, (gint32) most + 1);
}

/* Removes or repeats at most @length bytes from the position @at on. */
static void
move_bytes (GRand *random, gsize at, gsize length)
{
  guint8 *from = input.data + at;

  if (g_rand_boolean (random)) {
    length = MIN (length, input.size - at);
    memmove (from, from + length, input.size - at - length);
    input.size -= length;
  } else {
    length = MIN (MIN (length, input.size - at), MAX_SIZE - input.size);
    memmove (from + length, from, input.size - at);
    input.size += length;
  }
}

static void
change (GRand *random)
{
  static const guint8 odd[] = {0, 1, 4, 0x7f, 0x80, 0xff, '"', '%', '\n', '{', '9', '-'};
  gsize at = pick (random, MAX (input.size, 1) - 1);

  if (input.size == 0)
    input.data[input.size++] = (guint8) pick (random, 255);
  else if (g_rand_boolean (random))
    move_bytes (random, at, 1 + pick (random, 15));
  else if (g_rand_boolean (random))
    input.data[at] = odd[pick (random, G_N_ELEMENTS (odd) - 1)];
  else
    input.data[at] ^= (guint8) (1 << pick (random, 7));
}

/* The copy has exactly the input's size, so that a sanitizer or valgrind reports a read behind its
 * end. */
static void
run_target (void)
{
  g_autofree guint8 *copy = g_malloc (MAX (input.size, 1));

  memcpy (copy, input.data, input.size);
  LLVMFuzzerTestOneInput (copy, input.size);
}

int
main (int argc, char **argv)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (19);
  g_autofree gchar *name = g_path_get_basename (argv[0]);
  g_autoptr (GPtrArray) files = read_folder (argc == 3 ? argv[2] : "");
  guint64 inputs = argc == 3 ? g_ascii_strtoull (argv[1], NULL, 10) : 0;

  if (files->len == 0)
    g_error ("usage: replay INPUTS FOLDER, and FOLDER has files");
  kept = g_strconcat ("fuzz-input-", name + (g_str_has_prefix (name, "replay-") ? 7 : 0), NULL);
  catch_faults ();
  for (guint i = 0; i < files->len; i++) {
    take (g_ptr_array_index (files, i));
    run_target ();
  }
  for (guint64 i = 0; i < inputs; i++) {
    take (g_ptr_array_index (files, i % files->len));
    for (gsize changes = 1 + pick (random, MAX_CHANGES - 1); changes > 0; changes--)
      change (random);
    run_target ();
  }
  g_print ("%u files, %" G_GUINT64_FORMAT " changed inputs\n", files->len, inputs);
  g_free (kept);
  return 0;
}
