/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A library to preload: the process's wall clock is wrong by the number of seconds in the file
 * $WRONG_CLOCK, which may change while the process runs. A wait until a time of that clock ends
 * when the clock has reached the time, as in the kernel, so the wait becomes longer if the clock is
 * set back. Monotonic clocks are right. libfaketime doesn't handle waits by C11's cnd_timedwait(),
 * which librdkafka uses. */
#define _GNU_SOURCE
#pragma GCC visibility push(default) /* the build hides symbols, but these must be visible */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000LL
#define SLICE (NS / 20)        /* longest time between two looks of a wait at the wrong clock */
#define LOOK (NS / 5)          /* time between two looks at the file */
#define YEAR_2001 1000000000LL /* s since 1970 */

static _Atomic long long error_ns, looked_ns;

static long long
read_kernel (clockid_t clock)
{
  struct timespec now;

  syscall (SYS_clock_gettime, clock, &now);
  return now.tv_sec * NS + now.tv_nsec;
}

static void
look_at_file (void)
{
  const char *path = getenv ("WRONG_CLOCK");
  char text[32] = "";
  int file = path ? open (path, O_RDONLY | O_CLOEXEC) : -1;

  if (file < 0)
    return;
  if (read (file, text, sizeof text - 1) > 0)
    error_ns = atoll (text) * NS;
  close (file);
}

static long long
now_ns (void)
{
  long long monotonic = read_kernel (CLOCK_MONOTONIC), last = looked_ns;

  if (monotonic - last > LOOK && atomic_compare_exchange_strong (&looked_ns, &last, monotonic))
    look_at_file ();
  return read_kernel (CLOCK_REALTIME) + error_ns;
}

static struct timespec
to_timespec (long long ns)
{
  return (struct timespec){.tv_sec = ns / NS, .tv_nsec = ns % NS};
}

int
clock_gettime (clockid_t clock, struct timespec *time)
{
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
    return (int) syscall (SYS_clock_gettime, clock, time);
  *time = to_timespec (now_ns ());
  return 0;
}

int
gettimeofday (struct timeval *restrict time, void *restrict zone)
{
  long long now = now_ns ();

  (void) zone;
  *time = (struct timeval){.tv_sec = now / NS, .tv_usec = now % NS / 1000};
  return 0;
}

time_t
time (time_t *result)
{
  time_t now = now_ns () / NS;

  if (result)
    *result = now;
  return now;
}

int
timespec_get (struct timespec *time, int base)
{
  *time = to_timespec (now_ns ());
  return base;
}

typedef int (*Wait) (void *condition, void *lock, const struct timespec *until);

/* Returns the kernel's time at which a wait has to look at the wrong clock again; 0 if the wrong
 * clock has reached @until. */
static long long
next_look (const struct timespec *until)
{
  long long left = until->tv_sec * NS + until->tv_nsec - now_ns ();

  return left <= 0 ? 0 : read_kernel (CLOCK_REALTIME) + (left < SLICE ? left : SLICE);
}

static int
wait_in_slices (Wait wait, void *condition, void *lock, const struct timespec *until, int timed_out)
{
  long long look;
  int result = timed_out;

  while (result == timed_out && (look = next_look (until))) {
    struct timespec slice = to_timespec (look);

    result = wait (condition, lock, &slice);
  }
  return result;
}

int
cnd_timedwait (
    cnd_t *restrict condition, mtx_t *restrict lock, const struct timespec *restrict until)
{
  static _Atomic Wait wait;

  if (!wait)
    wait = (Wait) dlsym (RTLD_NEXT, "cnd_timedwait");
  return wait_in_slices (wait, condition, lock, until, thrd_timedout);
}

/* A condition may use the monotonic clock. A time of that clock is recognised by being far
 * smaller. */
int
pthread_cond_timedwait (pthread_cond_t *restrict condition, pthread_mutex_t *restrict lock,
    const struct timespec *restrict until)
{
  static _Atomic Wait wait;

  if (!wait)
    wait = (Wait) dlsym (RTLD_NEXT, "pthread_cond_timedwait");
  if (until->tv_sec < YEAR_2001)
    return wait (condition, lock, until);
  return wait_in_slices (wait, condition, lock, until, ETIMEDOUT);
}
