/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "client/gstkafkasettings.h"
#include "src/partitions/gstkafkareset.h"

G_BEGIN_DECLS

/* kafkasrc's own properties. */

/**
 * GstKafkaSrcOnError:
 * @GST_KAFKA_SRC_SKIP: skip the message, count it, post a warning
 * @GST_KAFKA_SRC_FAIL: end the stream with an error
 *
 * The action for a message that can't be read or used.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_SRC_SKIP,
  GST_KAFKA_SRC_FAIL,
} GstKafkaSrcOnError;

/* The values of kafkasrc's own properties, guarded by the element's object lock. */
typedef struct {
  gchar *group_id;
  gchar *group_instance_id;
  GArray *partitions; /* of gint; NULL: all */
  GstKafkaSrcOffsetReset auto_offset_reset;
  gint64 start_offset;
  GstClockTime start_time;
  gboolean eos_at_end;
  gint64 end_offset;
  GstClockTime end_time;
  gboolean replay;
  gchar *camera;
  GstClockTime max_age;
  guint64 max_prefetch;
  guint message_max_bytes;
  gint socket_receive_buffer_bytes;
  GstClockTime connect_timeout;
  GstCaps *caps;
  GstKafkaSrcOnError on_error;
} GstKafkaSrcSettings;

/* The property ids from this one on belong to gstkafkasrc.c. */
enum { GST_KAFKA_SRC_PROP_OTHER = GST_KAFKA_PROP_OWN + 100 };

void gst_kafka_src_settings_init (GstKafkaSrcSettings *self);
void gst_kafka_src_settings_clear (GstKafkaSrcSettings *self);
void gst_kafka_src_settings_install_properties (GObjectClass *klass);
/* Sets or gets a property. Returns FALSE if @id is none of kafkasrc's own properties. The functions
 * that set and get a property take the object lock themselves. */
gboolean gst_kafka_src_settings_set_property (
    GstKafkaSrcSettings *self, GObject *object, guint id, const GValue *value);
gboolean gst_kafka_src_settings_get_property (
    GstKafkaSrcSettings *self, GObject *object, guint id, GValue *value);

/* Removes `start` and `end` from the query of a URI, and sets up a replay of the time between them.
 * @error: a GstUriError */
gboolean gst_kafka_src_settings_take_uri_times (GObject *object, GHashTable *query, GError **error);

G_END_DECLS
