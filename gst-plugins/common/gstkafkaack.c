/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaack.h"

typedef struct {
  GObject parent;
  gpointer ledger;
  gint64 offset;
  GstKafkaAckNotify notify;
  GDestroyNotify ledger_unref;
  gint outcome; /* atomic: a GstKafkaAckOutcome; it only grows */
  gint open;    /* atomic: a part was released undecided */
} GstKafkaAck;

/* GObject knows an instance by its first member. */
G_STATIC_ASSERT (G_STRUCT_OFFSET (GstKafkaAck, parent) == 0);
/* gst_kafka_ack_mark() replaces an outcome by larger ones only. */
G_STATIC_ASSERT (
    GST_KAFKA_ACK_UNDECIDED < GST_KAFKA_ACK_DONE && GST_KAFKA_ACK_DONE < GST_KAFKA_ACK_FAILED);

static gpointer parent_class;

static void
gst_kafka_ack_finalize (GObject *object)
{
  GstKafkaAck *self = (GstKafkaAck *) object;
  GstKafkaAckOutcome outcome = g_atomic_int_get (&self->outcome);

  if (outcome == GST_KAFKA_ACK_DONE && g_atomic_int_get (&self->open))
    outcome = GST_KAFKA_ACK_UNDECIDED;
  if (self->notify)
    self->notify (self->ledger, self->offset, outcome);
  if (self->ledger_unref)
    self->ledger_unref (self->ledger);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_kafka_ack_class_init (gpointer klass, gpointer data)
{
  parent_class = g_type_class_peek_parent (klass);
  G_OBJECT_CLASS (klass)->finalize = gst_kafka_ack_finalize;
}

GType
gst_kafka_ack_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    /* Each plugin links its own copy of this file. The first plugin that is loaded registers the
     * type for all. */
    GType found = g_type_from_name ("GstKafkaAck");

    if (!found) {
      static const GTypeInfo info = {
          .class_size = sizeof (GObjectClass),
          .class_init = gst_kafka_ack_class_init,
          .instance_size = sizeof (GstKafkaAck),
      };
      found = g_type_register_static (G_TYPE_OBJECT, "GstKafkaAck", &info, 0);
    }
    g_once_init_leave (&type, found);
  }
  return type;
}

GObject *
gst_kafka_ack_new (
    gpointer ledger, gint64 offset, GstKafkaAckNotify notify, GDestroyNotify ledger_unref)
{
  GstKafkaAck *self = g_object_new (gst_kafka_ack_get_type (), NULL);

  self->ledger = ledger;
  self->offset = offset;
  self->notify = notify;
  self->ledger_unref = ledger_unref;
  return G_OBJECT (self);
}

void
gst_kafka_ack_mark (GObject *object, GstKafkaAckOutcome outcome)
{
  GstKafkaAck *self = (GstKafkaAck *) object;
  gint now;

  g_return_if_fail (G_TYPE_CHECK_INSTANCE_TYPE (object, gst_kafka_ack_get_type ()));
  do
    now = g_atomic_int_get (&self->outcome);
  while (now < (gint) outcome && !g_atomic_int_compare_and_exchange (&self->outcome, now, outcome));
}

static void
decide_part (gpointer whole, gint64 offset, GstKafkaAckOutcome outcome)
{
  if (outcome == GST_KAFKA_ACK_UNDECIDED)
    g_atomic_int_set (&((GstKafkaAck *) whole)->open, TRUE);
  else
    gst_kafka_ack_mark (whole, outcome);
}

GObject *
gst_kafka_ack_new_part (GObject *whole)
{
  return gst_kafka_ack_new (g_object_ref (whole), 0, decide_part, g_object_unref);
}
