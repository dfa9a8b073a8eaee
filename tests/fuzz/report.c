/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes reports of a fog replica: numbers that are read must be finite, the text made from a
 * parsed report must be parsed again, and the rate controller must set a rate within its bounds. */
#include "fogreport.h"
#include "fuzz.h"
#include "ratecontroller.h"

static void
control (const FogReport *report)
{
  const RateSettings settings = {
      .initial_rate = 10, .min_rate = 1, .max_rate = 30, .weight = 1, .latency_target = 0.25};
  RateController *controller = rate_controller_new ("cam-1", "s", &settings, 0);

  for (guint i = 1; i < 4; i++) {
    gdouble rate;

    rate_controller_sent (controller, i, i);
    rate_controller_report (controller, report, i);
    rate = rate_controller_get_rate (controller, i);
    g_assert_true (rate >= 0 && rate <= settings.max_rate);
    g_assert_cmpint (rate_controller_next_partition (controller, i), >=, -1);
  }
  rate_controller_free (controller);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FogReport) report = fog_report_parse ((const gchar *) data, size, &error);
  g_autoptr (FogReport) again = NULL;
  g_autofree gchar *text = NULL;

  g_assert_true ((report != NULL) != (error != NULL));
  if (!report)
    return 0;
  text = fog_report_to_json (report, &size);
  again = fog_report_parse (text, size, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (again->cameras->len, ==, report->cameras->len);
  control (report);
  return 0;
}
