/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ratemodel.h"

G_BEGIN_DECLS

typedef struct {
  const gchar *name;
  RateAlgorithm algorithm;
  RateRule rule; /* NULL: the controller's own */
} RateNamedRule;

/* The rules that the benchmark compares. The last one has no name. */
extern const RateNamedRule rate_rules[];

G_END_DECLS
