/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cameraelements.h"

typedef gboolean (*ElementFunc) (GstBin *self, GstElement *element);

/* Calls @func for each element, those farther downstream first, until it returns FALSE. */
static gboolean
for_each (GstBin *self, ElementFunc func)
{
  GstIterator *elements = gst_bin_iterate_sorted (self);
  GValue item = G_VALUE_INIT;
  gboolean good = TRUE;

  while (good && gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    good = func (self, g_value_get_object (&item));
    g_value_reset (&item);
  }
  g_value_unset (&item);
  gst_iterator_free (elements);
  return good;
}

/* The state is locked, so that state changes of the bin don't start the element. */
static gboolean
stop_element (GstBin *self, GstElement *element)
{
  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  return TRUE;
}

static gboolean
release_element (GstBin *self, GstElement *element)
{
  gst_element_set_locked_state (element, FALSE);
  return TRUE;
}

static gboolean
ready_element (GstBin *self, GstElement *element)
{
  return gst_element_set_state (element, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE;
}

static gboolean
pause_element (GstBin *self, GstElement *element)
{
  return gst_element_set_state (element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE;
}

static gboolean
play_element (GstBin *self, GstElement *element)
{
  gst_element_set_base_time (element, gst_element_get_base_time (GST_ELEMENT (self)));
  return gst_element_set_state (element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
}

/* Links the pad inside the bin anew, so that sticky events reach the element again, which has
 * forgotten them. */
static gboolean
renew_link (GstElement *element, GstPad *pad, gpointer data)
{
  GstPad *target = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));

  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), NULL);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), target);
  gst_clear_object (&target);
  return TRUE;
}

gboolean
camera_elements_start (GstBin *self)
{
  if (!for_each (self, ready_element) || !for_each (self, pause_element))
    return FALSE;
  gst_element_foreach_sink_pad (GST_ELEMENT (self), renew_link, NULL);
  if (!for_each (self, play_element))
    return FALSE;
  for_each (self, release_element);
  return TRUE;
}

/* Makes the bin no longer wait until the element has prerolled, because it failed before. */
static gboolean
settle_element (GstBin *self, GstElement *element)
{
  GstMessage *done = gst_message_new_async_done (GST_OBJECT (element), GST_CLOCK_TIME_NONE);

  GST_BIN_CLASS (g_type_class_peek (GST_TYPE_BIN))->handle_message (self, done);
  return TRUE;
}

void
camera_elements_stop (GstBin *self)
{
  for_each (self, stop_element);
  for_each (self, settle_element);
}

void
camera_elements_release (GstBin *self)
{
  for_each (self, release_element);
}
