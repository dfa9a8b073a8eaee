/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  GST_HAAR_SLOT_FREE,
  GST_HAAR_SLOT_TAKEN, /* a thread makes its pad, or removes it */
  GST_HAAR_SLOT_OPEN,  /* its pad is there */
} GstHaarSlotState;

/* The place of a pad that is made on request. It holds one pad at a time. */
typedef struct {
  GMutex lock; /* guards the fields below, and the state of the branch that the slot is part of */
  GstHaarSlotState state;
  GstPad *pad; /* NULL unless OPEN; borrowed from the element */
} GstHaarSlot;

void gst_haar_slot_init (GstHaarSlot *slot);
void gst_haar_slot_clear (GstHaarSlot *slot);

/* FREE becomes TAKEN. FALSE: another thread has the slot. */
gboolean gst_haar_slot_take (GstHaarSlot *slot);
/* TAKEN becomes OPEN. With the lock. */
void gst_haar_slot_open (GstHaarSlot *slot, GstPad *pad);
/* OPEN with @pad becomes FREE, once @pad is inactive and no longer the element's. Nothing happens
 * if another thread releases @pad. */
void gst_haar_slot_release_pad (GstHaarSlot *slot, GstElement *element, GstPad *pad);

/* (nullable) (transfer full) */
GstPad *gst_haar_slot_ref_pad (GstHaarSlot *slot);
gboolean gst_haar_slot_is_linked (GstHaarSlot *slot);

G_END_DECLS
