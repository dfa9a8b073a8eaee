/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Which topics a user means: a comma-separated list of names, and of patterns that begin with ^. A
 * pattern is a POSIX extended regular expression, as librdkafka takes them for a group. */

/**
 * gst_kafka_topics_parse:
 * @text: (nullable): as in "camera,^cam-.*"
 * @error: GST_RESOURCE_ERROR_SETTINGS, which names what is wrong
 *
 * Returns: (nullable) (transfer full): one string a name or pattern, one at least
 */
gchar **gst_kafka_topics_parse (const gchar *text, GError **error);

/* FALSE with @error (GST_RESOURCE_ERROR_SETTINGS): no broker takes such a name. */
gboolean gst_kafka_topics_check_name (const gchar *name, GError **error);
gboolean gst_kafka_topics_have_pattern (gchar **topics);

/* Whether @topic is what @wanted says, a name or a pattern. No pattern
 * means the brokers' own topics. */
gboolean gst_kafka_topics_match (const gchar *wanted, const gchar *topic);

/* For `topic.blacklist`: the brokers' own topics. */
#define GST_KAFKA_TOPICS_INTERNAL "^__consumer_offsets$,^__transaction_state$"

G_END_DECLS
