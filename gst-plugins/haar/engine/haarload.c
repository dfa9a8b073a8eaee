/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE (16 * 1024 * 1024)

/* SHA-256 sums of the cascades that OpenCV ships in its data directory. */
static const gchar *const known[] = {
    /* haarcascade_eye */
    "71cc64fc305a355dc60067880f6fbbd43dd155bd63ee3844661a1bda34b2fd8c",
    /* haarcascade_eye_tree_eyeglasses */
    "e32f9c67935c33e9d1331eb14fa58554ff17835c03742663bcb97a892e936a57",
    /* haarcascade_frontalcatface */
    "ac2bac934ef24284ef8a2b2e9d8e57eef84ac1d6943b4d11e5c9e8584dc069c8",
    /* haarcascade_frontalcatface_extended */
    "ffd0d1d28f07d0376c89db4c9845009c2855cc76c8cff763d5331dc9361da854",
    /* haarcascade_frontalface_alt */
    "6281df13459cc218ff047d02b2ae3859b12ff14a93ffe8952f7b33fad7b9697b",
    /* haarcascade_frontalface_alt2 */
    "7b0c967d9abbdfbde025eb9c786947d151b6426040d07a8f9562ed8fd90724b4",
    /* haarcascade_frontalface_alt_tree */
    "0e5ee47ecc13269d54dd7a55f8b53752167c52587720877732388fb078a0480a",
    /* haarcascade_frontalface_default */
    "0f7d4527844eb514d4a4948e822da90fbb16a34a0bbbbc6adc6498747a5aafb0",
    /* haarcascade_fullbody */
    "041745c71eef1b5c86aef224f17ce75b042d33314cc8f6757424f8bd8cd30aa1",
    /* haarcascade_lefteye_2splits */
    "74c323c78c81475fc9158facbfb866bb0cca06be41f571df47d4ac8d01f9ce4c",
    /* haarcascade_licence_plate_rus_16stages */
    "4d1c44bf7a1bc4e204fa25b046ed0acffd7f713cc13fe2958b6977125c60ddea",
    /* haarcascade_lowerbody */
    "1e696e1c7c66c439ae229cfff8871f42037c357e9e1e090a2b59ebc1f8ff5cbb",
    /* haarcascade_profileface */
    "b39a4a3be45539db146a7fc1d3e761a292c196eb88421185e6a615b3055e612d",
    /* haarcascade_righteye_2splits */
    "4cf0d72bea7307e9af7eb99d4acbe15d7101a67c22fcdcfbeefd692ad37cf776",
    /* haarcascade_russian_plate_number */
    "814cb5954682af570e58361f9e5f8b5b513a4112776bb9ecacef9f0e4ca6c2d7",
    /* haarcascade_smile */
    "4ca1f304eabd0b5ae30180c81acb53e166a5867e5be17b316bd3f32cfdf87d8a",
    /* haarcascade_upperbody */
    "7328ab4fdb1592f53d98d7ea5b1b9d90e01af5d95f212af378c7eb579048bb5f",
    /* lbpcascade_frontalcatface */
    "392c289fece5ceef6a2050431e5fee399d38c6d2dd3d2f5030760b1047f242b1",
    /* lbpcascade_frontalface */
    "6f5f20091b0d20311c929bcd8c927074e50bd0ac6424321016c679f43cf5ebcf",
    /* lbpcascade_frontalface_improved */
    "7c31331d494f20e216b397ad99d824d92ab91ebb15db3bcda6a2f8e684d238d3",
    /* lbpcascade_profileface */
    "076359afc4ede57e4507f6a6bb5e5c0cbaabaaa41ef514b5f98d01c1bd1d2fff",
    /* lbpcascade_silverware */
    "ed9b294b8d7cce1c7114e99c15e1496908ab7e8f5f1f4141f393a70e31998fd9",
};

static const gchar *const folders[] = {"opencv4/haarcascades", "opencv4/lbpcascades",
    "opencv/haarcascades", "opencv/lbpcascades", "OpenCV/haarcascades", "OpenCV/lbpcascades"};

gboolean
haar_cascade_is_known (GBytes *cascade)
{
  g_autofree gchar *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, cascade);

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_str_equal (digest, known[i]))
      return TRUE;
  return FALSE;
}

static gchar *
find_in (const gchar *dir, const gchar *name)
{
  static const gchar *const patterns[] = {
      "%s", "%s.xml", "haarcascade_%s.xml", "lbpcascade_%s.xml"};

  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++) {
    GString *file = g_string_new (patterns[i]);
    g_autofree gchar *path = NULL;

    g_string_replace (file, "%s", name, 1);
    path = g_build_filename (dir, file->str, NULL);
    g_string_free (file, TRUE);
    if (g_file_test (path, G_FILE_TEST_EXISTS))
      return g_steal_pointer (&path);
  }
  return NULL;
}

/* Returns: (nullable) (transfer full): the path. @searched: text to which the names of the
 * directories that don't have the file are appended */
static gchar *
find (const gchar *name, GString *searched)
{
  const gchar *const *data_dirs = g_get_system_data_dirs ();

  if (strchr (name, '/') || g_file_test (name, G_FILE_TEST_EXISTS))
    return g_strdup (name);
  for (guint i = 0; data_dirs[i]; i++)
    for (guint j = 0; j < G_N_ELEMENTS (folders); j++) {
      g_autofree gchar *dir = g_build_filename (data_dirs[i], folders[j], NULL);
      gchar *path = find_in (dir, name);

      if (path)
        return path;
      g_string_append_printf (searched, "%s%s", searched->len ? ", " : "", dir);
    }
  return NULL;
}

static void
list_folder (GPtrArray *names, const gchar *data_dir, const gchar *folder)
{
  g_autofree gchar *path = g_build_filename (data_dir, folder, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".xml") &&
        !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
      g_ptr_array_add (names, g_strdup (name));
}

static gint
compare_cascades (gconstpointer a, gconstpointer b)
{
  const gchar *one = *(const gchar *const *) a, *other = *(const gchar *const *) b;
  gint first = g_str_equal (other, HAAR_DEFAULT_CASCADE) - g_str_equal (one, HAAR_DEFAULT_CASCADE);

  return first ? first : g_strcmp0 (one, other);
}

gchar **
haar_cascade_list_installed (void)
{
  GPtrArray *names = g_ptr_array_new ();
  const gchar *const *data_dirs = g_get_system_data_dirs ();

  for (guint i = 0; data_dirs[i]; i++)
    for (guint j = 0; j < G_N_ELEMENTS (folders); j++)
      list_folder (names, data_dirs[i], folders[j]);
  g_ptr_array_sort (names, compare_cascades);
  g_ptr_array_add (names, NULL);
  return (gchar **) g_ptr_array_free (names, FALSE);
}

static gboolean
fail (GError **error, gint code, const gchar *path, const gchar *why)
{
  g_set_error (
      error, GST_RESOURCE_ERROR, code, "Cascade file \"%s\" can't be read: %s.", path, why);
  return FALSE;
}

static gchar *
allocate (gsize size, const gchar *path, GError **error)
{
  gchar *data = g_try_malloc (size + 1);

  if (!data)
    fail (error, GST_RESOURCE_ERROR_NO_SPACE_LEFT, path, "there is no memory for the file");
  return data;
}

static gboolean
check_file (gint fd, const gchar *path, gsize *size, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) < 0)
    return fail (error, GST_RESOURCE_ERROR_READ, path, g_strerror (errno));
  if (!S_ISREG (st.st_mode))
    return fail (error, GST_RESOURCE_ERROR_READ, path, "not a regular file");
  if (st.st_size > MAX_SIZE)
    return fail (error, GST_RESOURCE_ERROR_READ, path, "larger than 16 MiB");
  *size = (gsize) st.st_size;
  return TRUE;
}

static GBytes *
read_all (gint fd, const gchar *path, GError **error)
{
  g_autofree gchar *data = NULL;
  gsize size, done = 0;

  if (!check_file (fd, path, &size, error) || !(data = allocate (size, path, error)))
    return NULL;
  while (done < size) {
    gssize n = read (fd, data + done, size - done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      fail (error, GST_RESOURCE_ERROR_READ, path, g_strerror (errno));
      return NULL;
    }
    if (n == 0)
      break;
    done += (gsize) n;
  }
  return g_bytes_new_take (g_steal_pointer (&data), done);
}

GBytes *
haar_cascade_load (const gchar *name, GError **error)
{
  GString *searched = g_string_new (NULL);
  g_autofree gchar *path = find (name, searched);
  g_autofree gchar *where = g_string_free (searched, FALSE);
  GBytes *bytes;
  gint fd;

  if (!path) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "There is no cascade \"%s\": neither a file, nor a cascade of that name in %s. Install "
        "OpenCV's data (the "
        "package opencv-data) or give the path of a cascade's XML file.",
        name, where);
    return NULL;
  }
  /* Opens the cascade's file without blocking, because opening a named pipe would otherwise wait
   * for a writer, and delay the state change. */
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    fail (error, errno == ENOENT ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ,
        path, g_strerror (errno));
    return NULL;
  }
  bytes = read_all (fd, path, error);
  close (fd);
  return bytes;
}
