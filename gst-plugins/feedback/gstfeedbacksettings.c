/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfeedbacksettings.h"

#define DEFAULT_ALGORITHM RATE_ALGORITHM_ADAPTIVE
#define DEFAULT_INITIAL_RATE 10.0
#define DEFAULT_MIN_RATE 1.0
#define DEFAULT_MAX_RATE 0.0
#define DEFAULT_WEIGHT 1.0
#define DEFAULT_MIN_DWELL (5 * GST_SECOND)
#define DEFAULT_LATENCY_TARGET (250 * GST_MSECOND)
#define DEFAULT_PLACEMENT TRUE
#define DEFAULT_STILL_INTERVAL 0

enum {
  PROP_ALGORITHM = 1,
  PROP_CAMERA,
  PROP_INITIAL_RATE,
  PROP_MIN_RATE,
  PROP_MAX_RATE,
  PROP_WEIGHT,
  PROP_MIN_DWELL,
  PROP_LATENCY_TARGET,
  PROP_PLACEMENT,
  PROP_STILL_INTERVAL,
};

#define FIELD(id, name) FOG_FIELD (id, GstFeedbackSettings, name)

const FogField gst_feedback_settings_fields[] = {
    FIELD (PROP_ALGORITHM, algorithm),
    FIELD (PROP_CAMERA, camera),
    FIELD (PROP_INITIAL_RATE, initial_rate),
    FIELD (PROP_MIN_RATE, min_rate),
    FIELD (PROP_MAX_RATE, max_rate),
    FIELD (PROP_WEIGHT, weight),
    FIELD (PROP_MIN_DWELL, min_dwell),
    FIELD (PROP_LATENCY_TARGET, latency_target),
    FIELD (PROP_PLACEMENT, placement),
    FIELD (PROP_STILL_INTERVAL, still_interval),
    {0},
};

/* A FogField demands it. */
G_STATIC_ASSERT (sizeof (RateAlgorithm) == sizeof (gint));

GType
gst_feedback_rate_algorithm_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    static const GEnumValue values[] = {
        {RATE_ALGORITHM_ADAPTIVE, "A share of the fog's capacity, with a short queue", "adaptive"},
        {RATE_ALGORITHM_THESIS, "The measured rate, doubled every 30 s", "thesis"},
        {RATE_ALGORITHM_FIXED, "Always the initial rate", "fixed"},
        {0, NULL, NULL},
    };
    g_once_init_leave (&type, g_enum_register_static ("GstFeedbackRateAlgorithm", values));
  }
  return type;
}

void
gst_feedback_settings_init (GstFeedbackSettings *self)
{
  *self = (GstFeedbackSettings){DEFAULT_ALGORITHM, NULL, DEFAULT_INITIAL_RATE, DEFAULT_MIN_RATE,
      DEFAULT_MAX_RATE, DEFAULT_WEIGHT, DEFAULT_MIN_DWELL, DEFAULT_LATENCY_TARGET,
      DEFAULT_PLACEMENT, DEFAULT_STILL_INTERVAL};
}

static void
install_rate_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags live = flags | GST_PARAM_MUTABLE_PLAYING;

  /**
   * GstFeedbackRate:algorithm:
   *
   * How the rate is decided from the reports. The default keeps the fog busy with a short queue.
   * The values `thesis` and `fixed` exist for comparisons.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_ALGORITHM,
      g_param_spec_enum ("algorithm", "Algorithm", "How the rate is decided from the reports",
          GST_TYPE_FEEDBACK_RATE_ALGORITHM, DEFAULT_ALGORITHM, live));
  /**
   * GstFeedbackRate:initial-rate:
   *
   * The rate, in frames/s, until the first report comes; with `algorithm=fixed`, the rate at all
   * times. The default is the capacity of a small fog.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_INITIAL_RATE,
      g_param_spec_double ("initial-rate", "Initial rate",
          "Frames/s until the first report; with algorithm=fixed always", GST_FEEDBACK_RATE_LOWEST,
          GST_FEEDBACK_RATE_HIGHEST, DEFAULT_INITIAL_RATE, live));
  /**
   * GstFeedbackRate:min-rate:
   *
   * The lowest rate, in frames/s, even if no replica is alive. Some frames always have to pass,
   * because reports come only for frames that were sent.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MIN_RATE,
      g_param_spec_double ("min-rate", "Minimum rate",
          "Frames/s below which the rate never falls, whatever the reports say",
          GST_FEEDBACK_RATE_LOWEST, GST_FEEDBACK_RATE_HIGHEST, DEFAULT_MIN_RATE, live));
  /**
   * GstFeedbackRate:max-rate:
   *
   * The highest rate, in frames/s. 0, the default, means the highest `framerate` that the source's
   * caps have had, or `max-framerate` for a variable rate, or 30 if the caps give neither of them,
   * or a rate above 10000.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MAX_RATE,
      g_param_spec_double ("max-rate", "Maximum rate",
          "Frames/s above which the rate never rises; 0: the rate in the source's caps, for a "
          "variable "
          "rate max-framerate, and 30 if the caps give neither",
          0, GST_FEEDBACK_RATE_HIGHEST, DEFAULT_MAX_RATE, live));
  /**
   * GstFeedbackRate:latency-target:
   *
   * The time, in ns, that frames may wait before the replicas. A longer queue keeps the replicas
   * busy when frames come unevenly; with a shorter queue the results are newer. In simulations of
   * replicas that changed their speed, the default kept them busy for 97 % of the time.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LATENCY_TARGET,
      g_param_spec_uint64 ("latency-target", "Latency target",
          "Time (ns) that frames may wait before the replicas: longer keeps the replicas busier, "
          "shorter makes the results newer",
          0, 3600 * GST_SECOND, DEFAULT_LATENCY_TARGET, live));
}

static void
install_camera_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags live = flags | GST_PARAM_MUTABLE_PLAYING;

  /**
   * GstFeedbackRate:camera:
   *
   * The camera's name, as in the header `camera` and in reports. The name has to be unique among
   * all cameras of the fog. NULL or empty: the host's name.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CAMERA,
      g_param_spec_string ("camera", "Camera",
          "The camera's name, unique among all cameras (NULL: the host's name)", NULL,
          flags | GST_PARAM_MUTABLE_READY));
  /**
   * GstFeedbackRate:weight:
   *
   * The weight of this camera's share of the fog's capacity, relative to the weights of other
   * cameras. Each camera's rate stays between its min-rate and max-rate. A camera with twice the
   * weight gets twice the rate.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_WEIGHT,
      g_param_spec_double ("weight", "Weight",
          "This camera's share of the fog relative to those of other cameras: twice the weight, "
          "twice "
          "the rate",
          0.001, 1e6, DEFAULT_WEIGHT, live));
  /**
   * GstFeedbackRate:min-dwell:
   *
   * The shortest time, in ns, between two requests to the source for another rate. Each request
   * restarts a camera's stream, which leaves a gap of about one frame, so the default is several
   * seconds.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MIN_DWELL,
      g_param_spec_uint64 ("min-dwell", "Minimum dwell",
          "Time (ns) that passes at least between two requests to the source for another rate, "
          "because "
          "each one interrupts the stream",
          0, G_MAXINT64, DEFAULT_MIN_DWELL, live));
  /**
   * GstFeedbackRate:placement:
   *
   * The element chooses a partition for each frame, and writes it into the frame's meta as
   * `target-partition`: a partition whose replica has spare capacity according to the reports. If
   * this property is off, or as long as no report lists partitions, the sink chooses the partition.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_PLACEMENT,
      g_param_spec_boolean ("placement", "Placement",
          "Name a partition for each frame whose replica has spare capacity, according to the "
          "reports; if off, the sink chooses",
          DEFAULT_PLACEMENT, live));
}

static void
install_still_properties (GObjectClass *klass)
{
  /**
   * GstFeedbackRate:still-interval:
   *
   * The longest time, in ns, between two frames that pass while the picture stands still. With this
   * property, a frame passes at once if it differs from the last one that passed. The sensor's
   * noise, lamps that flicker, slow daylight and a camera that shakes don't count as differences.
   * With 0, the default, each frame passes.
   *
   * The time is at most 60 s, so that no program that reads the frames or documents takes the
   * camera for dead: they know the interval from the header `still-interval`, and the program
   * alerts waits for 2 min.
   *
   * The property needs raw video in system memory, in a format that haarfacecount takes. Frames of
   * other formats pass as if still-interval was 0, are counted as `uncompared-frames` in
   * #GstFeedbackRate:stats, and cause a warning STREAM/FORMAT, once for each caps. The comparison
   * of a frame of 640x480 takes 0.1 to 0.3 ms.
   *
   * While the picture changes little, the camera needs less of the fog's capacity: `wanted`, the
   * header `rate-max` and `demand` fall. The rate may then fall below #GstFeedbackRate:min-rate,
   * because frames that show nothing new don't pass.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_STILL_INTERVAL,
      g_param_spec_uint64 ("still-interval", "Still interval",
          "Time (ns) within which one frame passes while the picture stands still; a frame with a "
          "change passes at once (0: each frame passes)",
          0, GST_FEEDBACK_STILL_LONGEST, DEFAULT_STILL_INTERVAL,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
}

void
gst_feedback_settings_install_properties (GObjectClass *klass)
{
  install_rate_properties (klass);
  install_camera_properties (klass);
  install_still_properties (klass);
}
