/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livetravel.h"

#include "livefetch.h"
#include "livejson.h"

/* Largest size (bytes) of the kept frames of the past; frames are kept for viewers who step back
 * and forth. */
#define KEPT_BYTES (48 * 1024 * 1024)
#define KEPT_ANSWERS 4096
#define MOST_FRAMES 600
/* Number of messages before a frame in which its keyframe is searched. */
#define RUN_OFFSETS 600
/* Time (ms) for which a query of the range of stored messages stays valid; the range changes
 * slowly. */
#define RANGE_TIME 3000
/* Time (ms) after the end of a window whose messages are also read, because a partition's messages
 * aren't always in the order of their timestamps: a frame may arrive after later frames of other
 * cameras. In a topic whose timestamps are times of arrival, an event also has a later timestamp
 * than its frame. */
#define DISORDER 5000
/* Time (ms) after a frame's capture within which a frame that is missing in Kafka may still
 * come. */
#define MAY_COME 10000

struct _LiveTravel {
  const LiveOptions *options;
  LiveModel *model;
  LiveFrames *frames;
  GMutex lock;         /* guards all fields below */
  GHashTable *answers; /* frame id: LiveAnswer */
  /* times of capture of the oldest and the newest stored frame, ms since the Unix epoch */
  gint64 from, to;
  gint64 known; /* time when this range was queried, ms; 0: never */
};

/* State of reading the frames and events of a window of time. */
typedef struct {
  LiveTravel *travel;
  gint64 from, to;
  GPtrArray *frames; /* of LiveFrame */
  gint64 answered;   /* capture time of the newest frame with an answer */
} Window;

LiveTravel *
live_travel_new (const LiveOptions *options, LiveModel *model)
{
  LiveTravel *self = g_new0 (LiveTravel, 1);

  self->options = options;
  self->model = model;
  self->frames = live_frames_new (KEPT_BYTES);
  g_mutex_init (&self->lock);
  self->answers =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) live_answer_unref);
  return self;
}

void
live_travel_free (LiveTravel *self)
{
  g_hash_table_unref (self->answers);
  live_frames_free (self->frames);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* --- one frame --- */

static LiveAnswer *
find_answer (LiveTravel *self, const gchar *id)
{
  LiveAnswer *answer = live_model_find_answer (self->model, id);

  if (answer || !id)
    return answer;
  g_mutex_lock (&self->lock);
  answer = g_hash_table_lookup (self->answers, id);
  if (answer)
    live_answer_ref (answer);
  g_mutex_unlock (&self->lock);
  return answer;
}

static LiveFrame *
find_kept (LiveTravel *self, const LivePlace *place)
{
  LiveFrame *frame = live_frames_find (live_model_get_frames (self->model), place);

  return frame ? frame : live_frames_find (self->frames, place);
}

static LiveFrame *
find_frame (LiveTravel *self, const LivePlace *place, GError **error)
{
  LiveFrame *frame = find_kept (self, place);

  if (frame)
    return frame;
  if (g_strcmp0 (place->topic, self->options->settings.frames.topic) != 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "That isn't the topic of frames.");
    return NULL;
  }
  frame = live_fetch_frame (&self->options->settings.frames, place, error);
  if (frame)
    live_frames_add (self->frames, frame);
  return frame;
}

LiveFrame *
live_travel_find (LiveTravel *self, const LivePlace *place, LiveAnswer **answer, GError **error)
{
  LiveFrame *frame = find_frame (self, place, error);

  *answer = frame ? find_answer (self, frame->id) : NULL;
  return frame;
}

/* --- a run from a keyframe on --- */

static void
reverse (GPtrArray *array)
{
  for (guint i = 0; i < array->len / 2; i++) {
    gpointer other = array->pdata[array->len - 1 - i];

    array->pdata[array->len - 1 - i] = array->pdata[i];
    array->pdata[i] = other;
  }
}

/* Appends the kept frames before the wanted one to @run, back to the keyframe. Returns FALSE if not
 * all of these frames are kept. @run: contains the wanted frame */
static gboolean
collect_run (LiveTravel *self, GPtrArray *run)
{
  LiveFrame *wanted = g_ptr_array_index (run, 0);
  LivePlace place = wanted->place;
  gint64 least = MAX (place.offset - RUN_OFFSETS, 0);
  gboolean begun = !wanted->delta;

  while (!begun && --place.offset >= least) {
    g_autoptr (LiveFrame) frame = find_kept (self, &place);

    if (!frame)
      return FALSE;
    if (!live_frame_precedes (frame, wanted) || !frame->bytes)
      continue;
    g_ptr_array_add (run, live_frame_ref (frame));
    begun = !frame->delta;
  }
  reverse (run);
  return begun;
}

GPtrArray *
live_travel_find_run (LiveTravel *self, LiveFrame *frame, GError **error)
{
  GPtrArray *run = g_ptr_array_new_with_free_func ((GDestroyNotify) live_frame_unref);

  g_ptr_array_add (run, live_frame_ref (frame));
  if (collect_run (self, run))
    return run;
  g_ptr_array_unref (run);
  run = live_fetch_run (&self->options->settings.frames, frame, RUN_OFFSETS, error);
  for (guint i = 0; run && i < run->len; i++)
    live_frames_add (self->frames, g_ptr_array_index (run, i));
  return run;
}

/* --- a window --- */

static gboolean
take_frame (GstSample *sample, gpointer data)
{
  Window *window = data;
  LiveFrame *frame = live_frame_new (sample, g_get_real_time () / 1000);

  if (!frame)
    return TRUE;
  if (frame->captured < window->from || frame->captured >= window->to) {
    live_frame_unref (frame);
    return TRUE;
  }
  live_frames_add (window->travel->frames, frame);
  g_ptr_array_add (window->frames, frame);
  return window->frames->len < MOST_FRAMES;
}

static gboolean
take_event (GstSample *sample, gpointer data)
{
  Window *window = data;
  LiveTravel *self = window->travel;
  LiveAnswer *answer = live_answer_from_sample (sample);

  if (!answer)
    return TRUE;
  window->answered = MAX (window->answered, answer->captured);
  g_mutex_lock (&self->lock);
  if (g_hash_table_size (self->answers) >= KEPT_ANSWERS)
    g_hash_table_remove_all (self->answers);
  g_hash_table_replace (self->answers, answer->id, answer);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static gint
compare_frames (gconstpointer a, gconstpointer b)
{
  const LiveFrame *one = *(LiveFrame *const *) a, *other = *(LiveFrame *const *) b;

  if (one->captured != other->captured)
    return one->captured < other->captured ? -1 : 1;
  return one->seq < other->seq ? -1 : one->seq > other->seq;
}

/* The first and the last number (seq) of a session's frames in a window, and how many frames the
 * window has. */
typedef struct {
  guint64 first, last, count;
} Numbers;

static void
add_number (GHashTable *sessions, const LiveFrame *frame)
{
  Numbers *numbers = g_hash_table_lookup (sessions, frame->session);

  if (!numbers) {
    numbers = g_new0 (Numbers, 1);
    numbers->first = numbers->last = frame->seq;
    g_hash_table_insert (sessions, frame->session, numbers);
  }
  numbers->first = MIN (numbers->first, frame->seq);
  numbers->last = MAX (numbers->last, frame->seq);
  numbers->count++;
}

/* Returns TRUE if the numbers of a session's recent frames have a gap. The missing frame may still
 * come, because another partition may deliver later frames earlier. */
static gboolean
lacks_recent (const Window *window)
{
  g_autoptr (GHashTable) sessions = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  gint64 now = g_get_real_time () / 1000;
  gboolean lacks = FALSE;
  GHashTableIter iter;
  Numbers *numbers;

  for (guint i = 0; i < window->frames->len; i++) {
    const LiveFrame *frame = g_ptr_array_index (window->frames, i);

    if (frame->session && now - frame->captured <= MAY_COME)
      add_number (sessions, frame);
  }
  g_hash_table_iter_init (&iter, sessions);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &numbers))
    lacks |= numbers->last - numbers->first >= numbers->count;
  return lacks;
}

static void
frames_to_json (Window *window, const gchar *camera, JsonBuilder *json)
{
  gint64 settled = live_model_get_settled (window->travel->model, camera, window->answered);
  const LiveOptions *options = window->travel->options;
  LiveBrokers brokers = live_options_get_brokers (options);

  g_ptr_array_sort (window->frames, compare_frames);
  live_json_open_list (json, "frames");
  for (guint i = 0; i < window->frames->len; i++) {
    const LiveFrame *frame = g_ptr_array_index (window->frames, i);
    g_autoptr (LiveAnswer) answer = find_answer (window->travel, frame->id);

    json_builder_begin_object (json);
    live_frame_to_json (frame, answer, answer || frame->captured <= settled, &brokers, json);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static gboolean
window_to_json (Window *window, const gchar *camera, JsonBuilder *json, GError **error)
{
  const LiveOptions *options = window->travel->options;
  gboolean all_frames = FALSE, all_events = FALSE;

  if (!live_fetch_window (&options->settings.frames, camera, window->from, window->to + DISORDER,
          take_frame, window, &all_frames, error))
    return FALSE;
  /* An error of reading the events is ignored, because frames can be shown without their events. */
  live_fetch_window (&options->settings.events, camera, window->from - DISORDER,
      window->to + DISORDER, take_event, window, &all_events, NULL);
  frames_to_json (window, camera, json);
  live_json_flag (json, "complete", all_frames && all_events && !lacks_recent (window));
  return TRUE;
}

static gboolean
learn_range (LiveTravel *self, gint64 *from, gint64 *to, GError **error)
{
  gint64 now = g_get_real_time () / 1000;
  gboolean known;

  g_mutex_lock (&self->lock);
  known = self->known && now - self->known < RANGE_TIME;
  *from = self->from;
  *to = self->to;
  g_mutex_unlock (&self->lock);
  if (known)
    return TRUE;
  if (!live_fetch_range (&self->options->settings.frames, from, to, error))
    return FALSE;
  g_mutex_lock (&self->lock);
  self->from = *from;
  self->to = *to;
  self->known = now;
  g_mutex_unlock (&self->lock);
  return TRUE;
}

GBytes *
live_travel_make_window (
    LiveTravel *self, const gchar *camera, gint64 at, gint64 span, GError **error)
{
  JsonBuilder *json = live_json_new ();
  g_autoptr (GBytes) text = NULL;
  Window window = {self, at - span / 2, at + span / 2,
      g_ptr_array_new_with_free_func ((GDestroyNotify) live_frame_unref), 0};
  gboolean made;
  gint64 from, to;

  made = learn_range (self, &from, &to, error);
  if (made) {
    live_json_int (json, "from", from);
    live_json_int (json, "to", to);
    live_json_time (json, "newest", live_model_get_newest (self->model, camera));
    live_json_time (json, "at", at);
    made = !at || window_to_json (&window, camera, json, error);
  }
  g_ptr_array_unref (window.frames);
  text = live_json_end (json);
  return made ? g_steal_pointer (&text) : NULL;
}
