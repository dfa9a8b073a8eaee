/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarthreads.h"

#include <opencv2/core/utility.hpp>

void
haar_set_opencv_threads (guint n)
{
  cv::setNumThreads (static_cast<int> (n));
}
