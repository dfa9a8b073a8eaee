/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogslot.h"

#define PAD_RELEASED GST_PAD_FLAG_LAST /* a flag of the pad */

void
fog_slot_init (FogSlot *self)
{
  g_mutex_init (&self->lock);
}

void
fog_slot_clear (FogSlot *self)
{
  g_mutex_clear (&self->lock);
}

gboolean
fog_slot_take (FogSlot *self)
{
  gboolean is_free;

  g_mutex_lock (&self->lock);
  is_free = self->state == FOG_SLOT_FREE;
  if (is_free)
    self->state = FOG_SLOT_TAKEN;
  g_mutex_unlock (&self->lock);
  return is_free;
}

void
fog_slot_open (FogSlot *self, GstElement *element, GstPad *pad, FogSlotFunc begin, gpointer branch)
{
  /* The pad is activated before any thread sees it: an inactive pad would lose the first events
   * of a stream. */
  if (GST_STATE (element) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  g_mutex_lock (&self->lock);
  if (begin)
    begin (branch);
  self->state = FOG_SLOT_OPEN;
  self->pad = pad;
  g_mutex_unlock (&self->lock);
  gst_element_add_pad (element, pad);
}

/* Changes the slot from OPEN with @pad to TAKEN. Returns FALSE if another thread releases @pad. */
static gboolean
take_back (FogSlot *self, GstPad *pad)
{
  gboolean was_open;

  g_mutex_lock (&self->lock);
  was_open = self->state == FOG_SLOT_OPEN && self->pad == pad;
  if (was_open) {
    self->state = FOG_SLOT_TAKEN;
    self->pad = NULL;
  }
  g_mutex_unlock (&self->lock);
  return was_open;
}

gboolean
fog_slot_release_pad (FogSlot *self, GstElement *element, GstPad *pad)
{
  if (!take_back (self, pad))
    return FALSE;
  GST_DEBUG_OBJECT (pad, "releasing");
  GST_OBJECT_LOCK (pad);
  GST_OBJECT_FLAG_SET (pad, PAD_RELEASED);
  GST_OBJECT_UNLOCK (pad);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  g_mutex_lock (&self->lock);
  self->state = FOG_SLOT_FREE;
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* GStreamer lets only one thread activate or deactivate a pad at a time. So an activation either
 * ends before fog_slot_release_pad() deactivates the pad, or finds the flag. */
gboolean
fog_slot_pad_is_released (GstPad *pad)
{
  gboolean released;

  GST_OBJECT_LOCK (pad);
  released = GST_OBJECT_FLAG_IS_SET (pad, PAD_RELEASED);
  GST_OBJECT_UNLOCK (pad);
  return released;
}

GstPad *
fog_slot_ref_pad (FogSlot *self)
{
  GstPad *pad;

  g_mutex_lock (&self->lock);
  pad = self->pad ? gst_object_ref (self->pad) : NULL;
  g_mutex_unlock (&self->lock);
  return pad;
}

gboolean
fog_slot_is_linked (FogSlot *self)
{
  GstPad *pad = fog_slot_ref_pad (self);
  gboolean linked = pad && gst_pad_is_linked (pad);

  gst_clear_object (&pad);
  return linked;
}
