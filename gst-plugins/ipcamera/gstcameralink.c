/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstcameralink.h"

#include "cameratls.h"

#include <string.h>

#include "gstcameradebug.h"
#include "gstcamerartsp.h"

#define GST_CAT_DEFAULT gst_ip_camera_src_debug

typedef struct {
  const gchar *encoding; /* `encoding-name` of the RTP packets */
  const gchar *depayloader;
  const gchar *parser; /* nullable */
  const gchar *caps;   /* caps of the encoded frames */
} Codec;

static const Codec codecs[] = {
    {"H264", "rtph264depay", "h264parse",
        "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au"},
    {"H265", "rtph265depay", "h265parse",
        "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au"},
    {"JPEG", "rtpjpegdepay", NULL, "image/jpeg"},
};

static const Codec *
find_codec (const GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const gchar *encoding = gst_structure_get_string (s, "encoding-name");

  if (g_strcmp0 (gst_structure_get_string (s, "media"), "video") != 0 || !encoding)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (g_ascii_strcasecmp (codecs[i].encoding, encoding) == 0)
      return &codecs[i];
  return NULL;
}

/* --- the elements behind rtspsrc --- */

/* Returns: (nullable) (transfer none): the new element in the bin; %NULL if the element is missing
 * and an error was posted. */
static GstElement *
add (GstCameraLink *self, const gchar *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element)
    gst_bin_add (GST_BIN (self->bin), element);
  else
    GST_ELEMENT_ERROR (self->bin, CORE, MISSING_PLUGIN,
        ("The element %s is missing. Debian has it in gstreamer1.0-plugins-good (RTP, JPEG) or "
         "gstreamer1.0-plugins-bad (parsers).",
            factory),
        (NULL));
  return element;
}

static gboolean
accepts (GstPad *following, const gchar *text)
{
  GstCaps *caps = gst_caps_from_string (text);
  GstCaps *accepted = gst_pad_peer_query_caps (following, caps);
  gboolean any = !gst_caps_is_empty (accepted);

  gst_caps_unref (accepted);
  gst_caps_unref (caps);
  return any;
}

/* Returns: (transfer full): decoders of @caps, the best one first */
static GList *
list_decoders (GstCaps *caps)
{
  GList *all = gst_element_factory_list_get_elements (GST_ELEMENT_FACTORY_TYPE_DECODER |
                                                          GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO |
                                                          GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE,
      GST_RANK_MARGINAL);
  GList *fit = gst_element_factory_list_filter (all, caps, GST_PAD_SINK, FALSE);

  gst_plugin_feature_list_free (all);
  return g_list_sort (fit, gst_plugin_feature_rank_compare_func);
}

/* Returns: (nullable) (transfer full): a decoder with one sink pad and one source pad; NULL if its
 * device is missing */
static GstElement *
try_decoder (GstElementFactory *factory)
{
  GstElement *decoder = gst_element_factory_create (factory, NULL);

  if (!decoder)
    return NULL;
  gst_object_ref_sink (decoder);
  if (decoder->numsrcpads == 1 && decoder->numsinkpads == 1 &&
      gst_element_set_state (decoder, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS)
    return decoder;
  gst_element_set_state (decoder, GST_STATE_NULL);
  gst_object_unref (decoder);
  return NULL;
}

/* Returns: (nullable) (transfer none): the new decoder in the bin; %NULL if there is no decoder and
 * an error was posted. */
static GstElement *
add_decoder (GstCameraLink *self, const Codec *codec)
{
  GstCaps *caps = gst_caps_from_string (codec->caps);
  GList *factories = list_decoders (caps);
  GstElement *decoder = NULL;

  for (GList *l = factories; l && !decoder; l = l->next)
    decoder = try_decoder (l->data);
  gst_plugin_feature_list_free (factories);
  gst_caps_unref (caps);
  if (decoder) {
    GST_INFO_OBJECT (self->bin, "%" GST_PTR_FORMAT " decodes", decoder);
    gst_bin_add (GST_BIN (self->bin), decoder);
    gst_object_unref (decoder);
  } else {
    GST_ELEMENT_ERROR (self->bin, STREAM, CODEC_NOT_FOUND,
        ("No decoder for %s is installed. Debian has one in gstreamer1.0-libav.", codec->encoding),
        (NULL));
  }
  return decoder;
}

/* Appends @next to the chain of elements that ends with @last. Returns FALSE if one of these two is
 * NULL, or they can't be linked. */
static gboolean
append (GstElement **last, GstElement *next)
{
  if (!*last || !next || !gst_element_link (*last, next))
    return FALSE;
  *last = next;
  return TRUE;
}

static gboolean
append_parser (GstCameraLink *self, const Codec *codec, GstElement **last)
{
  GstElement *parser;

  if (!codec->parser)
    return TRUE;
  parser = add (self, codec->parser);
  /* the parser inserts the parameter sets before each key frame, because a reader may begin at any
   * key frame */
  if (parser)
    gst_util_set_object_arg (G_OBJECT (parser), "config-interval", "-1");
  return append (last, parser);
}

static gboolean
append_encoded (GstCameraLink *self, const Codec *codec, GstElement **last)
{
  GstElement *filter;

  if (!append_parser (self, codec, last) || !(filter = add (self, "capsfilter")))
    return FALSE;
  gst_util_set_object_arg (G_OBJECT (filter), "caps", codec->caps);
  return append (last, filter);
}

static gboolean
append_decoded (GstCameraLink *self, const Codec *codec, GstElement **last)
{
  return append_encoded (self, codec, last) && append (last, add_decoder (self, codec)) &&
         append (last, add (self, "videoconvert"));
}

static gboolean
append_rest (GstCameraLink *self, const Codec *codec, GstElement **last)
{
  gboolean encoded = accepts (self->following, codec->caps);

  if (!encoded && !accepts (self->following, "video/x-raw")) {
    GST_ELEMENT_ERROR (self->bin, STREAM, FORMAT,
        ("The camera gives %s, and what follows takes neither that nor raw video.",
            codec->encoding),
        (NULL));
    return FALSE;
  }
  GST_INFO_OBJECT (
      self->bin, "the camera gives %s, which is %s", codec->encoding, encoded ? "kept" : "decoded");
  return encoded ? append_encoded (self, codec, last) : append_decoded (self, codec, last);
}

static void
start_all (GstCameraLink *self)
{
  GstIterator *elements = gst_bin_iterate_sorted (GST_BIN (self->bin));
  GValue item = G_VALUE_INIT;

  /* the iterator returns elements farther downstream first, so these start first */
  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);

    if (element != self->source)
      gst_element_sync_state_with_parent (element);
    g_value_reset (&item);
  }
  g_value_unset (&item);
  gst_iterator_free (elements);
}

static void
set_target (GstCameraLink *self, GstElement *last)
{
  GstPad *pad = gst_element_get_static_pad (last, "src");

  gst_ghost_pad_set_target (GST_GHOST_PAD (self->pad), pad);
  gst_object_unref (pad);
}

static gboolean
build (GstCameraLink *self, const Codec *codec, GstPad *packets)
{
  GstElement *depayloader = add (self, codec->depayloader), *last = depayloader;
  GstPad *sink;
  gboolean linked;

  if (!depayloader || !append_rest (self, codec, &last))
    return FALSE;
  set_target (self, last);
  start_all (self);
  sink = gst_element_get_static_pad (depayloader, "sink");
  linked = gst_pad_link (packets, sink) == GST_PAD_LINK_OK;
  gst_object_unref (sink);
  return linked;
}

/* --- the time of arrival --- */

/* Returns the present running time of @element; GST_CLOCK_TIME_NONE: the element has no clock
 * yet */
static GstClockTime
running_time_now (GstElement *element)
{
  GstClock *clock = gst_element_get_clock (element);
  GstClockTime now;

  if (!clock)
    return GST_CLOCK_TIME_NONE;
  now = gst_clock_get_time (clock);
  gst_object_unref (clock);
  return now - gst_element_get_base_time (element);
}

static gboolean
add_arrival (GstBuffer **packet, guint i, gpointer element)
{
  if (GST_BUFFER_DTS_IS_VALID (*packet))
    return TRUE;
  *packet = gst_buffer_make_writable (*packet);
  GST_BUFFER_DTS (*packet) = running_time_now (element);
  return TRUE;
}

static GstPadProbeReturn
add_arrivals (GstPad *pad, GstPadProbeInfo *info, gpointer element)
{
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    info->data = gst_buffer_list_make_writable (info->data);
    gst_buffer_list_foreach (info->data, add_arrival, element);
  } else {
    add_arrival ((GstBuffer **) &info->data, 0, element);
  }
  return GST_PAD_PROBE_OK;
}

/* Handles rtpbin's signal `new-jitterbuffer`. rtspsrc puts a time of arrival only on the first
 * packet of a TCP connection, so a probe puts one on the other packets: without these, timestamps
 * would follow the camera's quartz, which differs by seconds after some days. The jitterbuffer is
 * also set to start after two packets in order, without its usual wait. */
static void
configure_jitterbuffer (
    GstElement *manager, GstElement *buffer, guint session, guint ssrc, gpointer data)
{
  GstCameraLink *self = data;
  GstPad *pad = gst_element_get_static_pad (buffer, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, add_arrivals,
      self->bin, NULL);
  gst_object_unref (pad);
  g_object_set (buffer, "faststart-min-packets", 2, NULL);
}

/* --- rtspsrc --- */

/* Handles rtspsrc's signal `new-manager`. */
static void
configure_manager (GstElement *source, GstElement *manager, gpointer data)
{
  g_signal_connect (manager, "new-jitterbuffer", G_CALLBACK (configure_jitterbuffer), data);
}

/* Handles rtspsrc's signal `select-stream`: selects the first video stream in a format that the
 * element supports. */
static gboolean
select_stream (GstElement *source, guint stream, GstCaps *caps, gpointer data)
{
  GstCameraLink *self = data;
  gboolean chosen = !self->found && find_codec (caps);

  GST_INFO_OBJECT (
      self->bin, "stream %u is %s: %" GST_PTR_FORMAT, stream, chosen ? "taken" : "left out", caps);
  self->found |= chosen;
  return chosen;
}

static void
pad_added (GstElement *source, GstPad *pad, gpointer data)
{
  GstCameraLink *self = data;
  GstCaps *caps = gst_pad_get_current_caps (pad);
  const Codec *codec;

  if (!caps)
    caps = gst_pad_query_caps (pad, NULL);
  codec = gst_caps_is_empty (caps) || gst_caps_is_any (caps) ? NULL : find_codec (caps);
  gst_caps_unref (caps);
  if (!codec)
    return;
  self->notify (pad, codec->encoding, self->data);
  if (!build (self, codec, pad))
    GST_ELEMENT_ERROR (
        self->bin, STREAM, FORMAT, ("The camera's %s can't be read.", codec->encoding), (NULL));
}

static void
no_more_pads (GstElement *source, gpointer data)
{
  GstCameraLink *self = data;

  if (!self->found)
    GST_ELEMENT_ERROR (self->bin, STREAM, CODEC_NOT_FOUND,
        ("The camera has no video in H.264, H.265 or MJPEG."), (NULL));
}

static void
configure (GstElement *source, const GstCameraAddress *address)
{
  static const gchar *const protocols[] = {"tcp", "udp", "udp-mcast+udp+tcp"};

  g_object_set (source, "location", address->uri, "user-id", address->user, "user-pw",
      address->password, "latency", (guint) (address->latency / GST_MSECOND), "tcp-timeout",
      (guint64) (address->timeout / GST_USECOND), "drop-on-latency", TRUE,
      "add-reference-timestamp-meta", TRUE, NULL);
  gst_util_set_object_arg (G_OBJECT (source), "buffer-mode", "slave");
  gst_util_set_object_arg (G_OBJECT (source), "protocols", protocols[address->transport]);
}

GstCameraLink *
gst_camera_link_new (const GstCameraAddress *address, GstPad *following, GstCameraFound notify,
    gpointer data, GError **error)
{
  GstElement *source = gst_camera_rtsp_new ();
  GstCameraLink *self;

  if (!source) {
    g_set_error_literal (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        "The element rtspsrc is missing. Debian has it in gstreamer1.0-plugins-good.");
    return NULL;
  }
  if (address->tls_ca_file && *address->tls_ca_file &&
      !camera_tls_trust (source, address->tls_ca_file, error)) {
    gst_object_unref (gst_object_ref_sink (source));
    return NULL;
  }
  self = g_new0 (GstCameraLink, 1);
  self->source = source;
  self->following = gst_object_ref (following);
  self->notify = notify;
  self->data = data;
  self->bin = gst_object_ref_sink (gst_bin_new ("connection"));
  self->pad = gst_object_ref (gst_ghost_pad_new_no_target ("src", GST_PAD_SRC));
  configure (source, address);
  g_signal_connect (source, "select-stream", G_CALLBACK (select_stream), self);
  g_signal_connect (source, "new-manager", G_CALLBACK (configure_manager), self);
  g_signal_connect (source, "pad-added", G_CALLBACK (pad_added), self);
  g_signal_connect (source, "no-more-pads", G_CALLBACK (no_more_pads), self);
  gst_bin_add (GST_BIN (self->bin), source);
  gst_element_add_pad (self->bin, self->pad);
  return self;
}

void
gst_camera_link_free (GstCameraLink *self)
{
  gst_object_unref (self->pad);
  gst_object_unref (self->following);
  gst_object_unref (self->bin);
  g_free (self);
}
