/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cliprows.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "gstkafkameta.h"
#include "toolstime.h"

/* Time (ms) by which the range that is read is extended at both ends, because an event's timestamp
 * in Kafka may be its time of arrival, and not its frame's time of capture. */
#define SLACK 60000

static void
append_text (GString *text, const gchar *value)
{
  g_string_append_c (text, '"');
  for (; value && *value; value++) {
    if (*value == '"')
      g_string_append_c (text, '"');
    g_string_append_c (text, *value);
  }
  g_string_append_c (text, '"');
}

static void
append_boxes (GString *text, const GArray *boxes)
{
  for (guint i = 0; i < boxes->len; i++) {
    const LiveBox *box = &g_array_index (boxes, LiveBox, i);

    g_string_append_printf (text, "%s%d %d %d %d", i ? ";" : "", box->x, box->y, box->w, box->h);
  }
}

void
clip_append_csv (GString *text, const LiveAnswer *answer)
{
  g_autofree gchar *captured = answer ? tools_time_to_text (answer->captured) : NULL;

  if (!answer) {
    g_string_append (text, "captured,camera,seq,faces,width,height,boxes,replica,id\r\n");
    return;
  }
  g_string_append_printf (text, "%s,", captured);
  append_text (text, answer->camera);
  g_string_append_printf (text, ",%" G_GUINT64_FORMAT ",%u,%d,%d,", answer->seq, answer->faces,
      answer->width, answer->height);
  append_boxes (text, answer->boxes);
  g_string_append_c (text, ',');
  append_text (text, answer->replica);
  g_string_append_c (text, ',');
  append_text (text, answer->id);
  g_string_append (text, "\r\n");
}

/* State of writing the events of a range into a file. */
typedef struct {
  const ClipRange *range;
  ClipFormat format;
  GOutputStream *stream;
  GString *text;
  guint64 rows, strange;
  gint64 searched;
  GError *error;
} Rows;

/* Appends the JSON text of the event, as it was sent, as one line. */
static void
append_json (GString *text, GstSample *sample)
{
  GstMapInfo map;
  gsize from = text->len;

  if (!gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ))
    return;
  g_string_append_len (text, (const gchar *) map.data, (gssize) map.size);
  gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
  for (; from < text->len; from++)
    if (text->str[from] == '\n' || text->str[from] == '\r')
      text->str[from] = ' ';
  g_string_append_c (text, '\n');
}

static gboolean
flush (Rows *self)
{
  gboolean written = g_output_stream_write_all (
      self->stream, self->text->str, self->text->len, NULL, NULL, &self->error);

  g_string_set_size (self->text, 0);
  return written;
}

static void
note_strange (Rows *self, GstBuffer *message)
{
  const gchar *camera = gst_kafka_meta_get_header (message, GST_KAFKA_HEADER_CAMERA);

  if (g_strcmp0 (camera, self->range->camera) == 0 && clip_range_has (self->range, message))
    self->strange++;
}

static gboolean
take_event (GstSample *sample, gpointer data)
{
  Rows *self = data;
  g_autoptr (LiveAnswer) answer = live_answer_from_sample (sample);

  if (!answer)
    note_strange (self, gst_sample_get_buffer (sample));
  if (!answer || answer->captured < self->range->from || answer->captured >= self->range->to ||
      g_strcmp0 (answer->camera, self->range->camera) != 0)
    return TRUE;
  self->rows++;
  if (self->format == CLIP_CSV)
    clip_append_csv (self->text, answer);
  else
    append_json (self->text, sample);
  return flush (self);
}

static gboolean
write_rows (const LiveSource *source, Rows *self, GError **error)
{
  const ClipRange wide = {
      self->range->camera, MAX (self->range->from - SLACK, 0), self->range->to + SLACK, NULL};
  gboolean written;

  if (self->format == CLIP_CSV)
    clip_append_csv (self->text, NULL);
  written = flush (self) && clip_read (source, &wide, take_event, self, error) &&
            clip_read_rest (source, wide.to, take_event, self, &self->searched, error);
  if (self->error) {
    g_propagate_error (error, g_steal_pointer (&self->error));
    return FALSE;
  }
  return written && g_output_stream_close (self->stream, NULL, error);
}

gboolean
clip_write_events (const LiveSource *source, const ClipRange *range, ClipFormat format,
    const gchar *file, ClipRows *rows, GError **error)
{
  g_autoptr (GFile) target = g_file_new_for_path (file);
  g_autoptr (GFileOutputStream) stream =
      g_file_replace (target, NULL, FALSE, G_FILE_CREATE_NONE, NULL, error);
  g_autoptr (GString) text = g_string_new (NULL);
  Rows self = {range, format, (GOutputStream *) stream, text, 0, 0, 0, NULL};
  gboolean written = stream && write_rows (source, &self, error);

  *rows = (ClipRows){self.rows, self.strange, self.searched};
  return written;
}
