/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogslot.h"

#define PAD_RELEASED GST_PAD_FLAG_LAST /* flag of a pad that has been released */

void
fog_slot_init (FogSlot *self)
{
  g_mutex_init (&self->lock);
  g_mutex_init (&self->task_lock);
}

void
fog_slot_clear (FogSlot *self)
{
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->task_lock);
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

static void
mark_released (FogSlot *self, GstPad *pad)
{
  g_mutex_lock (&self->task_lock);
  GST_OBJECT_LOCK (pad);
  GST_OBJECT_FLAG_SET (pad, PAD_RELEASED);
  GST_OBJECT_UNLOCK (pad);
  g_mutex_unlock (&self->task_lock);
}

static gboolean
is_released (GstPad *pad)
{
  gboolean released;

  GST_OBJECT_LOCK (pad);
  released = GST_OBJECT_FLAG_IS_SET (pad, PAD_RELEASED);
  GST_OBJECT_UNLOCK (pad);
  return released;
}

gboolean
fog_slot_release_pad (FogSlot *self, GstElement *element, GstPad *pad)
{
  if (!take_back (self, pad))
    return FALSE;
  GST_DEBUG_OBJECT (pad, "releasing");
  mark_released (self, pad);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  g_mutex_lock (&self->lock);
  self->state = FOG_SLOT_FREE;
  g_mutex_unlock (&self->lock);
  return TRUE;
}

gboolean
fog_slot_start_task (
    FogSlot *self, GstPad *pad, FogSlotFunc prepare, gpointer branch, GstTaskFunction func)
{
  gboolean started = TRUE;

  g_mutex_lock (&self->task_lock);
  if (!is_released (pad)) {
    prepare (branch);
    started = gst_pad_start_task (pad, func, pad, NULL);
  }
  g_mutex_unlock (&self->task_lock);
  return started;
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
