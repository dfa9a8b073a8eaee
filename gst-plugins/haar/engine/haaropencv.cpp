/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarengine.h"

#include <cerrno>
#include <exception>
#include <gio/gio.h>
#include <memory>
#include <mutex>
#include <opencv2/core.hpp>
#include <opencv2/objdetect.hpp>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

/* This file is C++, because OpenCV 4 has no C API. The functions that other files call throw no
 * exception, and have no C++ type in their prototypes. */

struct _HaarEngine {
  cv::CascadeClassifier classifier;
  std::vector<cv::Rect> found;
  /* number of windows that OpenCV grouped into each rectangle of `found` */
  std::vector<int> windows;
};

/* OpenCV reports the number of windows in a box, but not their strengths. STRENGTH, which replaces
 * the strength of each window, is about the mean strength of windows that pass by a small margin,
 * see haar_exact_strength(). */
static const double STRENGTH = 0.25;

/* Writes the bytes of the cascade, which were checked, to a temporary file, because the cascade's
 * own file may have changed since the check. OpenCV loads the old format of cascades from files
 * only. */
class MemoryFile {
public:
  explicit MemoryFile (GBytes *bytes) : fd (memfd_create ("cascade.xml", MFD_CLOEXEC))
  {
    gsize size;
    auto *data = static_cast<const char *> (g_bytes_get_data (bytes, &size));

    if (fd < 0)
      throw std::runtime_error (g_strerror (errno));
    while (size > 0) {
      ssize_t written = write (fd, data, size);

      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0) {
        close (fd);
        throw std::runtime_error (g_strerror (errno));
      }
      data += written;
      size -= static_cast<gsize> (written);
    }
  }
  ~MemoryFile ()
  {
    close (fd);
  }
  MemoryFile (const MemoryFile &) = delete;
  MemoryFile &operator= (const MemoryFile &) = delete;
  std::string
  path () const
  {
    return "/proc/self/fd/" + std::to_string (fd);
  }

private:
  int fd;
};

/* The workers already use all processors, so OpenCV's own threads would only take processor time
 * from the workers. Sets OpenCV's number of threads to 1. OpenCV's number of threads is a setting
 * of the whole process, so other code may change it later. */
static void
one_thread_each ()
{
  static std::once_flag once;

  std::call_once (once, [] { cv::setNumThreads (1); });
}

static HaarEngine *
opencv_create (GBytes *cascade, GError **error)
{
  try {
    MemoryFile file (cascade);
    auto engine = std::make_unique<_HaarEngine> ();

    one_thread_each ();
    if (engine->classifier.load (file.path ()))
      return engine.release ();
    g_set_error_literal (
        error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "OpenCV finds no cascade in the file");
  } catch (const std::exception &e) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "OpenCV: %s", e.what ());
  } catch (...) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "OpenCV: unknown exception");
  }
  return nullptr;
}

static gboolean
opencv_detect (HaarEngine *engine, const guint8 *gray, gint width, gint height, gsize stride,
    const HaarParams *params, GArray *boxes, GError **error)
{
  try {
    const cv::Mat picture (height, width, CV_8UC1, const_cast<guint8 *> (gray), stride);

    engine->classifier.detectMultiScale (picture, engine->found, engine->windows,
        params->scale_factor, params->min_neighbors, 0, cv::Size (params->min_w, params->min_h),
        cv::Size (params->max_w, params->max_h));
    for (std::size_t i = 0; i < engine->found.size (); i++) {
      const cv::Rect &r = engine->found[i];
      const HaarBox box = {
          {r.x, r.y, r.width, r.height}, haar_score (STRENGTH * engine->windows[i]), 0};

      g_array_append_val (boxes, box);
    }
    return TRUE;
  } catch (const std::exception &e) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "OpenCV: %s", e.what ());
  } catch (...) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "OpenCV: unknown exception");
  }
  return FALSE;
}

static void
opencv_free (HaarEngine *engine)
{
  delete engine;
}

extern "C" {
extern const HaarEngineClass haar_engine_opencv;
const HaarEngineClass haar_engine_opencv = {
    "opencv",
    FALSE,
    opencv_create,
    opencv_detect,
    opencv_free,
};
}
