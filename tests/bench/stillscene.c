/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stillscene.h"

#include <math.h>
#include <string.h>

#define NOISE_SIZE (1 << 20)
/* Frames between two heads, on average: the room is mostly empty. */
#define PAUSE (8 * STILL_RATE)
/* Rectangle of the head in the photo, px. */
#define HEAD_LEFT 140
#define HEAD_TOP 20
#define HEAD_SIDE 200

static gdouble
gaussian (GRand *rand)
{
  gdouble sum = 0;

  for (guint i = 0; i < 12; i++)
    sum += g_rand_double (rand);
  return sum - 6;
}

static gint8 *
make_noise (GRand *rand, gdouble deviation)
{
  gint8 *noise = g_malloc (NOISE_SIZE);

  for (guint i = 0; i < NOISE_SIZE; i++)
    noise[i] = (gint8) CLAMP (lround (gaussian (rand) * deviation), -127, 127);
  return noise;
}

static guint8 *
pixel_at (const HaarPicture *picture, gint x, gint y)
{
  return picture->pixels + (gsize) CLAMP (y, 0, picture->height - 1) * picture->stride +
         CLAMP (x, 0, picture->width - 1);
}

/* Draws a wall in soft light, with shelves, books, a striped curtain and small print. */
static guint8
draw_room (gint x, gint y, gint width, gint height)
{
  gint wall = 90 + 70 * x / width + 30 * y / height;

  if (x > width * 3 / 4 && y < height / 2)
    return (guint8) (x / 6 % 2 ? wall : wall - 50);
  if (x < width / 3 && y > height / 2)
    return (guint8) (y % 60 < 6 ? 40 : 60 + (x / 13 * 7919 + y / 60 * 104729) % 130);
  if (x > width / 2 && y > height * 2 / 3)
    return (guint8) ((x * 31 + y / 4 * 17) % 11 < 3 && y % 8 < 5 ? 50 : wall);
  return (guint8) wall;
}

static HaarPicture
make_room (const HaarPicture *from, gint width, gint height)
{
  HaarPicture room = haar_picture_new (width + 2 * STILL_MARGIN, height + 2 * STILL_MARGIN);

  for (gint y = 0; y < room.height; y++)
    for (gint x = 0; x < room.width; x++)
      *pixel_at (&room, x, y) =
          from ? *pixel_at (from, x * from->width / room.width, y * from->height / room.height)
               : draw_room (x, y, room.width, room.height);
  return room;
}

static void
add_heads (StillScene *self, GRand *rand)
{
  gint frame = STILL_RATE * 3;

  while (frame < self->frames - PAUSE) {
    StillHead head = {.from = frame, .side = g_rand_int_range (rand, 56, 180)};
    /* a pause of half a second to two seconds */
    gint stay = g_rand_int_range (rand, STILL_RATE / 2 + 1, 2 * STILL_RATE);

    head.to = frame + stay;
    head.y = g_rand_int_range (rand, 0, self->height - head.side);
    head.x = g_rand_int_range (rand, 0, self->width - head.side);
    if (g_rand_boolean (rand))
      head.dx = (g_rand_int_range (rand, 0, self->width - head.side) - head.x) / stay;
    g_array_append_val (self->heads, head);
    frame = head.to + PAUSE / 2 + g_rand_int_range (rand, 0, PAUSE);
  }
}

StillScene *
still_scene_new (const StillConditions *conditions, const HaarPicture *photo,
    const HaarPicture *room, gint width, gint height, gint seconds)
{
  StillScene *self = g_new0 (StillScene, 1);
  GRand *rand = g_rand_new_with_seed (17);

  self->conditions = *conditions;
  self->width = width;
  self->height = height;
  self->frames = seconds * STILL_RATE;
  self->room = make_room (room, width, height);
  self->head = *photo;
  self->heads = g_array_new (FALSE, FALSE, sizeof (StillHead));
  if (!conditions->empty)
    add_heads (self, rand);
  self->noise = make_noise (rand, conditions->noise);
  g_rand_free (rand);
  return self;
}

void
still_scene_free (StillScene *self)
{
  haar_picture_clear (&self->room);
  g_array_unref (self->heads);
  g_free (self->noise);
  g_free (self);
}

/* Brightness of each row in 1/256: lamps flicker at 100 Hz, and a rolling shutter turns that into
 * bands that move slowly from frame to frame. */
static gint
light_of (const StillScene *self, gint frame, gint y)
{
  const StillConditions *c = &self->conditions;
  gdouble seconds = (gdouble) frame / STILL_RATE;
  gdouble phase = 2 * G_PI * (1.5 * y / self->height + 1.3 * seconds);
  gdouble light = 1 + c->flicker * sin (phase) + c->daylight * sin (2 * G_PI * seconds / 120);

  return (gint) lround (256 * light);
}

/* Bilinear, in 1/16 px. */
static gint
sample (const HaarPicture *room, gint x16, gint y16)
{
  gint x = x16 >> 4, y = y16 >> 4, fx = x16 & 15, fy = y16 & 15;
  const guint8 *p = room->pixels + (gsize) y * room->stride + x, *q = p + room->stride;

  return ((p[0] * (16 - fx) + p[1] * fx) * (16 - fy) + (q[0] * (16 - fx) + q[1] * fx) * fy) >> 8;
}

static void
paint_head (const StillScene *self, const StillHead *head, gint frame, gint sx, gint sy,
    gint *light, guint8 *pixels)
{
  gint left = (gint) (head->x + head->dx * (frame - head->from)) - sx / 16;
  gint top = (gint) head->y - sy / 16;

  for (gint y = MAX (top, 0); y < MIN (top + head->side, self->height); y++)
    for (gint x = MAX (left, 0); x < MIN (left + head->side, self->width); x++) {
      gint value = *pixel_at (&self->head, HEAD_LEFT + (x - left) * HEAD_SIDE / head->side,
          HEAD_TOP + (y - top) * HEAD_SIDE / head->side);

      pixels[(gsize) y * (gsize) self->width + (gsize) x] =
          (guint8) MIN (value * light[y] >> 8, 255);
    }
}

static void
add_noise (const StillScene *self, gint frame, guint8 *pixels)
{
  gsize n = (gsize) self->width * (gsize) self->height;
  guint at = (guint) frame * 2654435761u;

  for (gsize i = 0; i < n; i++) {
    gint value = pixels[i] + self->noise[(at + i * 7) % NOISE_SIZE];

    pixels[i] = (guint8) CLAMP (value, 0, 255);
  }
}

void
still_scene_paint (const StillScene *self, gint frame, guint8 *pixels)
{
  gdouble t = 2 * G_PI * frame / STILL_RATE, shake = 16 * self->conditions.shake;
  gint sx = (gint) lround (shake * (0.7 * sin (t * 6.7) + 0.3 * sin (t * 9.1)));
  gint sy = (gint) lround (shake * (0.5 * sin (t * 4.3) + 0.2 * sin (t * 11.3)));
  g_autofree gint *light = g_new (gint, self->height);

  for (gint y = 0; y < self->height; y++) {
    light[y] = light_of (self, frame, y);
    for (gint x = 0; x < self->width; x++) {
      gint value = sample (&self->room, (x + STILL_MARGIN) * 16 + sx, (y + STILL_MARGIN) * 16 + sy);

      pixels[(gsize) y * (gsize) self->width + (gsize) x] =
          (guint8) MIN (value * light[y] >> 8, 255);
    }
  }
  for (guint i = 0; i < self->heads->len; i++) {
    const StillHead *head = &g_array_index (self->heads, StillHead, i);

    if (frame >= head->from && frame < head->to)
      paint_head (self, head, frame, sx, sy, light, pixels);
  }
  add_noise (self, frame, pixels);
}
