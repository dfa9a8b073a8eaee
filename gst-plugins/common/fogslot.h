/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  FOG_SLOT_FREE,
  FOG_SLOT_TAKEN, /* a thread is creating or removing the pad */
  FOG_SLOT_OPEN,  /* the pad exists */
} FogSlotState;

/* Holds at most one request pad at a time. */
typedef struct {
  GMutex lock; /* guards the next fields, and the state of the branch that the slot is part of */
  FogSlotState state;
  GstPad *pad; /* the pad, borrowed from the element; NULL unless OPEN */

  /* A thread holds this mutex while it starts the task of a pad, or marks a pad as released.
   * `task_lock` is taken before `lock`. */
  GMutex task_lock;
} FogSlot;

void fog_slot_init (FogSlot *slot);
void fog_slot_clear (FogSlot *slot);

/* Changes the slot from FREE to TAKEN. Returns FALSE if another thread has the slot. */
gboolean fog_slot_take (FogSlot *slot);
/* A function that changes the state of @branch, the branch that the slot is part of. */
typedef void (*FogSlotFunc) (gpointer branch);
/* Changes the slot from TAKEN to OPEN: adds @pad to @element, and activates @pad if @element runs.
 * @begin: (nullable): called with @branch while the slot's lock is held */
void fog_slot_open (
    FogSlot *slot, GstElement *element, GstPad *pad, FogSlotFunc begin, gpointer branch);
/* Changes the slot from OPEN with @pad to FREE: deactivates @pad, and removes it from @element.
 * Returns FALSE if another thread releases @pad. */
gboolean fog_slot_release_pad (FogSlot *slot, GstElement *element, GstPad *pad);

/* Calls @prepare, and starts the task of @pad, unless another thread releases @pad: a flush or a
 * state change may start the task of a pad that has just been released, and then nothing would stop
 * the task. Returns FALSE if the task can't be started. */
gboolean fog_slot_start_task (
    FogSlot *slot, GstPad *pad, FogSlotFunc prepare, gpointer branch, GstTaskFunction func);

/* (nullable) (transfer full) */
GstPad *fog_slot_ref_pad (FogSlot *slot);
gboolean fog_slot_is_linked (FogSlot *slot);

G_END_DECLS
