/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "livecontrol.h"
#include "sources/liveclip.h"
#include "sources/livedatabase.h"
#include "livereply.h"
#include "sources/livetravel.h"

G_BEGIN_DECLS

/* One function for each path of the API. */
typedef struct {
  const LiveOptions *options;
  LiveModel *model;
  LiveTravel *travel;
  LiveDatabase *database;
  LiveControl *control; /* NULL: viewers only look */
  LiveClips *clips;
  gchar **cascades; /* names of the installed cascades */
} LiveApi;

typedef enum {
  LIVE_HERE,  /* answered at once, in the main thread */
  LIVE_JOB,   /* answered in one of a few threads */
  LIVE_COUNT, /* answered in the one thread that counts faces */
  LIVE_CLIP,  /* answered in the threads that make clips; cancelled when the viewer leaves */
} LiveWhere;

typedef LiveReply (*LiveApiFunc) (LiveApi *api, const LiveRequest *request);

typedef struct {
  const gchar *path;
  const gchar *method;
  LiveApiFunc func;
  LiveWhere where;
} LiveRoute;

/* Returns: (nullable): the route of @path; NULL if the API has no such path. */
const LiveRoute *live_api_find (const LiveApi *self, const gchar *path);

G_END_DECLS
