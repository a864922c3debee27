/*
 * control.h - settings of the running sandbox by name, for the command line and the control
 * endpoint.
 */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "exchange.h"

/*
 * Sets one setting by name: a fault (faults.h), or
 *   group-delay, offline-delay, athena-delay    milliseconds
 *   session-seconds     life of temporary credentials, whatever was asked for
 *   create-failure      FailureReason of groups created from now on
 * False when name or value are not right.
 */
bool control_set(const char *name, struct sl value) NODISCARD;

/* Every request from now on is described in this file, one JSON object a line. */
void control_record_to(const char *path);
void control_record(const struct exchange *x);

#endif
