/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/* libFuzzer calls this function with each input. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
