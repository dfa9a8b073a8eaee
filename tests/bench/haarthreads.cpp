/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarthreads.h"

#include <opencv2/core/utility.hpp>
#include <opencv2/core/utils/logger.hpp>

void
haar_set_opencv_threads (guint n)
{
  cv::setNumThreads (static_cast<int> (n));
}

void
haar_set_opencv_silent (gboolean silent)
{
  using namespace cv::utils::logging;

  setLogLevel (silent ? LOG_LEVEL_SILENT : LOG_LEVEL_WARNING);
}
