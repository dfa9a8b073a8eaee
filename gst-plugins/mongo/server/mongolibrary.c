/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongolibrary.h"

#include <gst/gst.h>
#include <mongoc/mongoc.h>

GST_DEBUG_CATEGORY_STATIC (mongoc_debug);

static void
forward_log (mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
  GstDebugLevel as = level <= MONGOC_LOG_LEVEL_CRITICAL  ? GST_LEVEL_WARNING
                     : level == MONGOC_LOG_LEVEL_WARNING ? GST_LEVEL_INFO
                     : level <= MONGOC_LOG_LEVEL_INFO    ? GST_LEVEL_DEBUG
                                                         : GST_LEVEL_TRACE;

  GST_CAT_LEVEL_LOG (mongoc_debug, as, NULL, "%s: %s", domain, message);
}

void
mongo_library_init (void)
{
  static gsize done;

  if (g_once_init_enter (&done)) {
    GST_DEBUG_CATEGORY_INIT (mongoc_debug, "mongoc", 0, "MongoDB's C driver");
    mongoc_log_set_handler (forward_log, NULL);
    mongoc_init ();
    g_once_init_leave (&done, 1);
  }
}
