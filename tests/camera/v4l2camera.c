/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulates a V4L2 camera in a preloaded library, so that the real v4l2src can be tested on a
 * machine without a camera.
 *
 * The camera behaves as uvcvideo does: it lists sizes and rates, and refuses to change the format
 * or the rate while it streams or while buffers are allocated. Buffers are mapped from an anonymous
 * file; the device node is any character device of the name in FOG_CAMERA_NODE (a link to
 * /dev/null).
 *
 * Environment variables:
 *   FOG_CAMERA_NODE     the path that opens the camera
 *   FOG_CAMERA_LOG      a file that gets a line for each rate that was set or refused
 *   FOG_CAMERA_RESTART  the time in ms from STREAMON to the first frame
 *   FOG_CAMERA_REFUSE   if set: once the camera has streamed, it refuses every other rate
 *   FOG_CAMERA_STALL    while set: the camera streams, but gives no frame
 *   FOG_CAMERA_VANISH   once set: the camera is unplugged, every call fails */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__ ((visibility ("default")))
#define MAX_BUFFERS 32
#define SIZE_MAX_FRAME (640 * 480 * 2)
#define COUNT(array) (sizeof (array) / sizeof *(array))

static const unsigned formats[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG};
static const unsigned sizes[][2] = {{640, 480}, {320, 240}};
static const unsigned rates[] = {30, 25, 20, 15, 10, 5};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int memory;
  unsigned format, width, height, rate;
  unsigned buffers;
  unsigned queue[MAX_BUFFERS], queued;
  int state[MAX_BUFFERS]; /* V4L2_BUF_FLAG_QUEUED or 0 */
  int streaming, streamed;
  unsigned sequence;
  struct timespec next; /* frame */
} camera = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, -1, V4L2_PIX_FMT_YUYV, 640, 480, 30};

static void
note (const char *what, unsigned rate)
{
  const char *path = getenv ("FOG_CAMERA_LOG");
  FILE *file = path ? fopen (path, "a") : NULL;

  if (!file)
    return;
  fprintf (file, "%s %u\n", what, rate);
  fclose (file);
}

static unsigned
setting (const char *name)
{
  const char *text = getenv (name);

  return text ? (unsigned) atoi (text) : 0;
}

static int
fail (int error)
{
  errno = error;
  return -1;
}

/* --- what it lists --- */

static int
query_capabilities (struct v4l2_capability *arg)
{
  memset (arg, 0, sizeof *arg);
  strcpy ((char *) arg->driver, "fogcamera");
  strcpy ((char *) arg->card, "Test camera");
  strcpy ((char *) arg->bus_info, "platform:fogcamera");
  arg->version = 0x060000;
  arg->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
  arg->capabilities = arg->device_caps | V4L2_CAP_DEVICE_CAPS;
  return 0;
}

static int
enum_input (struct v4l2_input *arg)
{
  if (arg->index > 0)
    return fail (EINVAL);
  memset (arg, 0, sizeof *arg);
  strcpy ((char *) arg->name, "Camera 1");
  arg->type = V4L2_INPUT_TYPE_CAMERA;
  return 0;
}

static int
enum_format (struct v4l2_fmtdesc *arg)
{
  if (arg->index >= COUNT (formats) || arg->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
    return fail (EINVAL);
  arg->pixelformat = formats[arg->index];
  arg->flags = arg->index == 1 ? V4L2_FMT_FLAG_COMPRESSED : 0;
  strcpy ((char *) arg->description, arg->index == 1 ? "Motion-JPEG" : "YUYV 4:2:2");
  return 0;
}

static int
enum_size (struct v4l2_frmsizeenum *arg)
{
  if (arg->index >= COUNT (sizes))
    return fail (EINVAL);
  arg->type = V4L2_FRMSIZE_TYPE_DISCRETE;
  arg->discrete.width = sizes[arg->index][0];
  arg->discrete.height = sizes[arg->index][1];
  return 0;
}

static int
enum_interval (struct v4l2_frmivalenum *arg)
{
  if (arg->index >= COUNT (rates))
    return fail (EINVAL);
  arg->type = V4L2_FRMIVAL_TYPE_DISCRETE;
  arg->discrete.numerator = 1;
  arg->discrete.denominator = rates[arg->index];
  return 0;
}

/* --- format and rate --- */

static void
fill_format (struct v4l2_format *arg, unsigned format, unsigned width, unsigned height)
{
  struct v4l2_pix_format *pix = &arg->fmt.pix;

  memset (pix, 0, sizeof *pix);
  pix->pixelformat = format;
  pix->width = width;
  pix->height = height;
  pix->field = V4L2_FIELD_NONE;
  pix->bytesperline = format == V4L2_PIX_FMT_YUYV ? width * 2 : 0;
  pix->sizeimage = width * height * 2;
  pix->colorspace = V4L2_COLORSPACE_SRGB;
}

static int
try_format (struct v4l2_format *arg)
{
  const struct v4l2_pix_format *pix = &arg->fmt.pix;
  unsigned format = pix->pixelformat == formats[1] ? formats[1] : formats[0];
  unsigned size = pix->width < 480 ? 1 : 0;

  fill_format (arg, format, sizes[size][0], sizes[size][1]);
  return 0;
}

static int
set_format (struct v4l2_format *arg)
{
  if (camera.streaming || camera.buffers > 0) {
    note ("format-busy", camera.rate);
    return fail (EBUSY);
  }
  try_format (arg);
  camera.format = arg->fmt.pix.pixelformat;
  camera.width = arg->fmt.pix.width;
  camera.height = arg->fmt.pix.height;
  return 0;
}

static int
get_rate (struct v4l2_streamparm *arg)
{
  memset (&arg->parm, 0, sizeof arg->parm);
  arg->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
  arg->parm.capture.timeperframe.numerator = 1;
  arg->parm.capture.timeperframe.denominator = camera.rate;
  return 0;
}

static int
set_rate (struct v4l2_streamparm *arg)
{
  struct v4l2_fract t = arg->parm.capture.timeperframe;
  unsigned rate = t.numerator ? t.denominator / t.numerator : 30;

  if (camera.streaming || camera.buffers > 0 || (getenv ("FOG_CAMERA_REFUSE") && camera.streamed)) {
    note ("busy", rate);
    return fail (EBUSY);
  }
  for (unsigned i = 0; i < COUNT (rates); i++) {
    if (rates[i] == rate)
      camera.rate = rate;
  }
  note (camera.rate == rate ? "rate" : "unknown", rate);
  return get_rate (arg);
}

/* --- buffers --- */

static int
request_buffers (struct v4l2_requestbuffers *arg)
{
  if (arg->memory != V4L2_MEMORY_MMAP)
    return fail (EINVAL);
  if (camera.streaming)
    return fail (EBUSY);
  camera.buffers = arg->count > MAX_BUFFERS ? MAX_BUFFERS : arg->count;
  camera.queued = 0;
  memset (camera.state, 0, sizeof camera.state);
  arg->count = camera.buffers;
  arg->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP;
  return 0;
}

static void
fill_buffer (struct v4l2_buffer *arg, unsigned index)
{
  arg->index = index;
  arg->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | camera.state[index];
  arg->field = V4L2_FIELD_NONE;
  arg->length = camera.width * camera.height * 2;
  arg->m.offset = index * SIZE_MAX_FRAME;
  arg->memory = V4L2_MEMORY_MMAP;
}

static int
query_buffer (struct v4l2_buffer *arg)
{
  if (arg->index >= camera.buffers)
    return fail (EINVAL);
  fill_buffer (arg, arg->index);
  return 0;
}

static int
queue_buffer (struct v4l2_buffer *arg)
{
  if (arg->index >= camera.buffers || camera.state[arg->index])
    return fail (EINVAL);
  camera.state[arg->index] = V4L2_BUF_FLAG_QUEUED;
  camera.queue[camera.queued++] = arg->index;
  fill_buffer (arg, arg->index);
  pthread_cond_broadcast (&camera.changed);
  return 0;
}

static void
add_ms (struct timespec *time, double ms)
{
  time->tv_nsec += (long) (ms * 1e6);
  time->tv_sec += time->tv_nsec / 1000000000;
  time->tv_nsec %= 1000000000;
}

/* With the lock. Waits until the next frame is due or the stream is stopped. */
static void
wait_for_frame (void)
{
  struct timespec now, until;

  while (camera.streaming) {
    clock_gettime (CLOCK_MONOTONIC, &now);
    if (getenv ("FOG_CAMERA_VANISH"))
      return;
    if (camera.queued > 0 && !getenv ("FOG_CAMERA_STALL") &&
        (now.tv_sec > camera.next.tv_sec ||
            (now.tv_sec == camera.next.tv_sec && now.tv_nsec >= camera.next.tv_nsec)))
      return;
    clock_gettime (CLOCK_REALTIME, &until);
    add_ms (&until, 2);
    pthread_cond_timedwait (&camera.changed, &camera.lock, &until);
  }
}

static int
dequeue_buffer (struct v4l2_buffer *arg)
{
  struct timespec now;
  unsigned index;

  wait_for_frame ();
  if (getenv ("FOG_CAMERA_VANISH"))
    return fail (ENODEV);
  if (!camera.streaming)
    return fail (EINVAL);
  index = camera.queue[0];
  memmove (camera.queue, camera.queue + 1, --camera.queued * sizeof *camera.queue);
  camera.state[index] = 0;
  fill_buffer (arg, index);
  arg->bytesused = arg->length;
  arg->sequence = camera.sequence++;
  clock_gettime (CLOCK_MONOTONIC, &now);
  arg->timestamp.tv_sec = now.tv_sec;
  arg->timestamp.tv_usec = now.tv_nsec / 1000;
  add_ms (&camera.next, 1000.0 / camera.rate);
  return 0;
}

static int
stream_on (void)
{
  camera.streaming = camera.streamed = 1;
  camera.sequence = 0;
  clock_gettime (CLOCK_MONOTONIC, &camera.next);
  add_ms (&camera.next, 1000.0 / camera.rate + setting ("FOG_CAMERA_RESTART"));
  return 0;
}

static int
stream_off (void)
{
  camera.streaming = 0;
  camera.queued = 0;
  memset (camera.state, 0, sizeof camera.state);
  pthread_cond_broadcast (&camera.changed);
  return 0;
}

/* --- the calls --- */

/* with the lock */
static int
answer (unsigned request, void *arg)
{
  switch (request) {
    case VIDIOC_QUERYCAP:
      return query_capabilities (arg);
    case VIDIOC_ENUMINPUT:
      return enum_input (arg);
    case VIDIOC_G_INPUT:
      *(int *) arg = 0;
      return 0;
    case VIDIOC_S_INPUT:
      return *(int *) arg == 0 ? 0 : fail (EINVAL);
    case VIDIOC_ENUM_FMT:
      return enum_format (arg);
    case VIDIOC_ENUM_FRAMESIZES:
      return enum_size (arg);
    case VIDIOC_ENUM_FRAMEINTERVALS:
      return enum_interval (arg);
    case VIDIOC_G_FMT:
      fill_format (arg, camera.format, camera.width, camera.height);
      return 0;
    case VIDIOC_TRY_FMT:
      return try_format (arg);
    case VIDIOC_S_FMT:
      return set_format (arg);
    case VIDIOC_G_PARM:
      return get_rate (arg);
    case VIDIOC_S_PARM:
      return set_rate (arg);
    case VIDIOC_REQBUFS:
      return request_buffers (arg);
    case VIDIOC_QUERYBUF:
      return query_buffer (arg);
    case VIDIOC_QBUF:
      return queue_buffer (arg);
    case VIDIOC_DQBUF:
      return dequeue_buffer (arg);
    case VIDIOC_STREAMON:
      return stream_on ();
    case VIDIOC_STREAMOFF:
      return stream_off ();
    case VIDIOC_QUERYCTRL:
    case VIDIOC_G_CTRL:
      return fail (EINVAL);
    default:
      return fail (ENOTTY);
  }
}

static int
is_camera (int fd)
{
  struct stat mine, other;

  return camera.memory >= 0 && fstat (fd, &other) == 0 && fstat (camera.memory, &mine) == 0 &&
         mine.st_ino == other.st_ino && mine.st_dev == other.st_dev;
}

EXPORT int
ioctl (int fd, unsigned long request, ...)
{
  static int (*real) (int, unsigned long, ...);
  va_list args;
  void *arg;
  int ret;

  va_start (args, request);
  arg = va_arg (args, void *);
  va_end (args);
  if (!real)
    real = (int (*) (int, unsigned long, ...)) dlsym (RTLD_NEXT, "ioctl");
  if (!is_camera (fd))
    return real (fd, request, arg);
  if (getenv ("FOG_CAMERA_VANISH"))
    return fail (ENODEV);
  pthread_mutex_lock (&camera.lock);
  ret = answer ((unsigned) request, arg);
  pthread_mutex_unlock (&camera.lock);
  return ret;
}

static int
open_camera (void)
{
  if (camera.memory < 0) {
    camera.memory = memfd_create ("camera", MFD_CLOEXEC);
    if (ftruncate (camera.memory, (off_t) MAX_BUFFERS * SIZE_MAX_FRAME) < 0)
      return -1;
  }
  return dup (camera.memory);
}

static int
open_any (const char *name, const char *path, int flags, mode_t mode)
{
  const char *node = getenv ("FOG_CAMERA_NODE");
  int (*real) (const char *, int, ...) = (int (*) (const char *, int, ...)) dlsym (RTLD_NEXT, name);

  return node && strcmp (path, node) == 0 ? open_camera () : real (path, flags, mode);
}

#define DEFINE_OPEN(name)                                                                          \
  EXPORT int name (const char *path, int flags, ...);                                              \
  EXPORT int name (const char *path, int flags, ...)                                               \
  {                                                                                                \
    va_list args;                                                                                  \
    mode_t mode;                                                                                   \
                                                                                                   \
    va_start (args, flags);                                                                        \
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg (args, mode_t) : 0;                              \
    va_end (args);                                                                                 \
    return open_any (#name, path, flags, mode);                                                    \
  }

DEFINE_OPEN (open)
DEFINE_OPEN (open64)
DEFINE_OPEN (__open_2)
DEFINE_OPEN (__open64_2)
