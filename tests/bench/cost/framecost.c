/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A preloaded library in place of OpenCV's search of a picture: it takes as long as a file says and
 * uses no CPU, so that many replicas of a known, changing capacity fit on a small machine. It finds
 * nothing.
 *
 * FRAME_COST_FILE names a file with the time of a search in ms, which is read again for each
 * frame */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* cv::CascadeClassifier::detectMultiScale (cv::InputArray, std::vector<cv::Rect> &, double,
 * int, int, cv::Size, cv::Size) */
void search (void) __asm__("_ZN2cv17CascadeClassifier16detectMultiScaleERKNS_11_"
                           "InputArrayERSt6vectorINS_5Rect_IiEESaIS6_EEdiiNS_5Size_IiEESB_")
    __attribute__ ((visibility ("default")));

static double
cost (void)
{
  const char *path = getenv ("FRAME_COST_FILE");
  FILE *file = path ? fopen (path, "r") : NULL;
  double ms = 0;

  if (!file)
    return 0;
  if (fscanf (file, "%lf", &ms) != 1)
    ms = 0;
  fclose (file);
  return ms;
}

void
search (void)
{
  double ms = cost ();
  struct timespec time = {(time_t) (ms / 1000), (long) ((ms - 1000 * (long) (ms / 1000)) * 1e6)};

  nanosleep (&time, NULL);
}
