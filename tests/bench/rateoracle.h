/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ratemodel.h"

G_BEGIN_DECLS

/* The bound that no rule can beat: frames flow like a fluid, exactly as fast as links and replicas
 * take them, the fastest replicas first, and no frame ever waits. Whoever controls the rate would
 * have to know the trace in advance. */
RateModelResult rate_oracle_run (const RateTrace *trace, const RateModelSettings *settings);

G_END_DECLS
