/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Parses and matches the property `topic`: a comma-separated list of names, and of patterns that
 * begin with ^. A pattern is a POSIX extended regular expression, as in librdkafka. */

/**
 * gst_kafka_topics_parse:
 * @text: (nullable): the property's value, as in "camera,^cam-.*"
 * @error: GST_RESOURCE_ERROR_SETTINGS; the message quotes the wrong entry
 *
 * Returns: (nullable) (transfer full): at least one string, each a name or a pattern
 */
gchar **gst_kafka_topics_parse (const gchar *text, GError **error);

/* Returns FALSE with @error (GST_RESOURCE_ERROR_SETTINGS) if brokers refuse @name as a topic's
 * name. */
gboolean gst_kafka_topics_check_name (const gchar *name, GError **error);
gboolean gst_kafka_topics_is_pattern (const gchar *wanted);
gboolean gst_kafka_topics_have_pattern (gchar **topics);

/* Returns: (transfer full): the subject of a sentence that says that @wanted isn't found. For a
 * pattern the subject also names the right Describe, because brokers hide topics from a pattern
 * that the user has no right to describe. */
gchar *gst_kafka_topics_describe (const gchar *wanted);

/* Returns whether the name or pattern @wanted matches @topic. No pattern
 * matches the brokers' own topics. */
gboolean gst_kafka_topics_match (const gchar *wanted, const gchar *topic);

/* A pattern for the brokers' own topics, for librdkafka's option `topic.blacklist`. */
#define GST_KAFKA_TOPICS_INTERNAL "^__consumer_offsets$,^__transaction_state$"

G_END_DECLS
