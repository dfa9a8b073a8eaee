/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarslot.h"

#include "gsthaarpads.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

void
gst_haar_slot_init (GstHaarSlot *self)
{
  g_mutex_init (&self->lock);
}

void
gst_haar_slot_clear (GstHaarSlot *self)
{
  g_mutex_clear (&self->lock);
}

gboolean
gst_haar_slot_take (GstHaarSlot *self)
{
  gboolean is_free;

  g_mutex_lock (&self->lock);
  is_free = self->state == GST_HAAR_SLOT_FREE;
  if (is_free)
    self->state = GST_HAAR_SLOT_TAKEN;
  g_mutex_unlock (&self->lock);
  return is_free;
}

void
gst_haar_slot_open (GstHaarSlot *self, GstPad *pad)
{
  self->state = GST_HAAR_SLOT_OPEN;
  self->pad = pad;
}

/* OPEN with @pad becomes TAKEN. FALSE: another thread releases @pad. */
static gboolean
take_back (GstHaarSlot *self, GstPad *pad)
{
  gboolean was_open;

  g_mutex_lock (&self->lock);
  was_open = self->state == GST_HAAR_SLOT_OPEN && self->pad == pad;
  if (was_open) {
    self->state = GST_HAAR_SLOT_TAKEN;
    self->pad = NULL;
  }
  g_mutex_unlock (&self->lock);
  return was_open;
}

void
gst_haar_slot_release_pad (GstHaarSlot *self, GstElement *element, GstPad *pad)
{
  if (!take_back (self, pad))
    return;
  GST_DEBUG_OBJECT (pad, "releasing");
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  g_mutex_lock (&self->lock);
  self->state = GST_HAAR_SLOT_FREE;
  g_mutex_unlock (&self->lock);
}

GstPad *
gst_haar_slot_ref_pad (GstHaarSlot *self)
{
  GstPad *pad;

  g_mutex_lock (&self->lock);
  pad = self->pad ? gst_object_ref (self->pad) : NULL;
  g_mutex_unlock (&self->lock);
  return pad;
}

gboolean
gst_haar_slot_is_linked (GstHaarSlot *self)
{
  GstPad *pad = gst_haar_slot_ref_pad (self);
  gboolean linked = pad && gst_pad_is_linked (pad);

  gst_clear_object (&pad);
  return linked;
}
