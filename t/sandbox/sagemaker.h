/* sagemaker.h - what the files of the control plane share. */
#ifndef SANDBOX_SAGEMAKER_H
#define SANDBOX_SAGEMAKER_H

#include "group.h"

/* The group a request names; NULL after the answer that there is none. */
struct group *sagemaker_group(struct exchange *x, const struct json *in);

/* Adds an array of {Key, Value}; a key that is there gets the new value. */
void sagemaker_take_tags(struct group *g, const struct json *tags);

void sagemaker_create_group(struct exchange *x);
void sagemaker_update_group(struct exchange *x);
void sagemaker_list_groups(struct exchange *x);

#endif
