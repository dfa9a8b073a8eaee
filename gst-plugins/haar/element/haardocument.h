/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "frames/haarjob.h"

G_BEGIN_DECLS

/**
 * haar_document_new:
 * @job: a counted frame
 * @replica: the name of this replica
 *
 * Returns: (transfer full): the event document of the frame (gst-plugins/README.md, "Messages").
 * The document has the frame's times, the camera as its key, and the frame's #GstKafkaMeta: so the
 * Kafka message of the frame is done only when the document is done
 */
GstBuffer *haar_document_new (const HaarJob *job, const gchar *replica);

/**
 * haar_document_describe:
 * @job: a counted frame with faces
 * @label: the property `label`
 *
 * Returns: (transfer full): the fields of the element message `faces`, which describes the same
 * faces to the application (see SECTION:element-haarfacecount)
 */
GstStructure *haar_document_describe (const HaarJob *job, const gchar *label);

G_END_DECLS
