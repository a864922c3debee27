/*
 * crypt.h - digests. The only module of the sandbox that includes OpenSSL's headers. Written apart
 * from the room aws on purpose, so that a mistake there is not made here too.
 */
#ifndef SANDBOX_CRYPT_H
#define SANDBOX_CRYPT_H

#include "core/str.h"

#define SHA256_BYTES 32
#define SHA256_HEX 64

void crypt_sha256(unsigned char out[SHA256_BYTES], struct sl data);
void crypt_hmac(unsigned char out[SHA256_BYTES], struct sl key, struct sl data);

/* Digest of `data` by name ("MD5", "SHA1", "SHA256"); returns its length, at most 64 bytes. */
size_t crypt_digest(const char *name, unsigned char *out, struct sl data);

void crypt_add_hex(struct str *s, const unsigned char *p, size_t n);
void crypt_add_base64(struct str *s, const unsigned char *p, size_t n);

/* A random identifier: 8-4-4-4-12 lower-case hex digits and a NUL. */
#define UUID_TEXT 37
void crypt_uuid(char out[UUID_TEXT]);

/* `n` random characters of A-Z and 0-9, not terminated. */
void crypt_random_name(char *out, size_t n);

/* Compares in a time that does not depend on where they differ. */
bool crypt_same(struct sl a, struct sl b);

#endif
