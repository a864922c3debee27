/* s3.h - what the files of S3 share. */
#ifndef SANDBOX_S3_H
#define SANDBOX_S3_H

#include "s3_store.h"
#include "xml.h"

/* Bucket and key of the path, decoded; the key may be empty. */
void s3_names(struct exchange *x, struct sl *bucket, struct sl *key);

/*
 * The bucket of the path. One that does not exist is made where `make`; else, and when the request
 * was signed for another region, the answer is the error, and NULL comes back.
 */
struct s3_bucket *s3_bucket(struct exchange *x, bool make);

/* Begins an XML document with this root element. */
void s3_begin(struct exchange *x, const char *root);
void s3_put_etag(struct str *s, const char *etag); /* <ETag>&quot;…&quot;</ETag> */

/* Checks Content-MD5 and x-amz-checksum-… headers of the body; false after a refusal. */
bool s3_check_integrity(struct exchange *x, bool required);

/* Content-Type and x-amz-meta-… of a request, kept with the object. */
void s3_keep_meta(const struct exchange *x, struct s3_object *o);

void s3_copy_object(struct exchange *x);
void s3_list_objects(struct exchange *x);
void s3_list_buckets(struct exchange *x);
void s3_create_upload(struct exchange *x);
void s3_upload_part(struct exchange *x);
void s3_complete_upload(struct exchange *x);
void s3_abort_upload(struct exchange *x);
void s3_list_parts(struct exchange *x);
void s3_delete_objects(struct exchange *x);

#endif
