/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarkernel.h"

#include <string.h>

extern const HaarKernel haar_kernel_plain;
#ifdef HAVE_HAAR_X86
extern const HaarKernel haar_kernel_avx2, haar_kernel_avx512;
#endif
#ifdef HAVE_HAAR_NEON
extern const HaarKernel haar_kernel_neon;
#endif

static const HaarKernel *
if_named (const HaarKernel *kernel, const gchar *name)
{
  return !name || strcmp (kernel->name, name) == 0 ? kernel : NULL;
}

const HaarKernel *
haar_kernel_find (const gchar *name)
{
  const HaarKernel *kernel = NULL;

#ifdef HAVE_HAAR_X86
  if (__builtin_cpu_supports ("avx512bw") && __builtin_cpu_supports ("avx512dq") &&
      __builtin_cpu_supports ("avx512vl"))
    kernel = if_named (&haar_kernel_avx512, name);
  if (!kernel && __builtin_cpu_supports ("avx2"))
    kernel = if_named (&haar_kernel_avx2, name);
#endif
#ifdef HAVE_HAAR_NEON
  kernel = if_named (&haar_kernel_neon, name);
#endif
  return kernel ? kernel : if_named (&haar_kernel_plain, name);
}
