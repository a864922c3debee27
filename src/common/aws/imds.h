/*
 * imds.h - the metadata service of an EC2 instance, version 2 (a session token first), never
 * through a proxy. Environment: AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT and
 * _ENDPOINT_MODE, AWS_METADATA_SERVICE_TIMEOUT (1 s), AWS_METADATA_SERVICE_NUM_ATTEMPTS (1).
 */
#pragma once

#include "aws/error.h"
#include "core/str.h"

bool imds_enabled(void);

/* Appends what /latest/<path> says. False with *e set: AWS_CONFIG where there is no such service.
 */
bool imds_get(const char *path, struct str *dst, struct aws_error *e) NODISCARD;
