/*
 * crypto.h - digests, random numbers and wiping. The only module that includes libcrypto.
 */
#pragma once

#include "core/str.h"

#define CRYPTO_SHA256_LEN 32
#define CRYPTO_HEX_LEN 64 /* of a SHA-256 */

void crypto_sha256(struct sl s, uint8_t out[CRYPTO_SHA256_LEN]);

/* HMAC-SHA-256 (RFC 2104) with a key that is worked into the hash once. */
struct crypto_hmac {
	_Alignas(8) unsigned char inner[112], outer[112];
};
void crypto_hmac_key(struct crypto_hmac *h, struct sl key);
void crypto_hmac_of(const struct crypto_hmac *h, struct sl s, uint8_t out[CRYPTO_SHA256_LEN]);

/* Lower-case hex of n bytes, 2n characters, no NUL. */
void crypto_hex(char *dst, const uint8_t *p, size_t n);

/* SHA-256 of `s` in hex, no NUL. */
void crypto_sha256_hex(struct sl s, char dst[CRYPTO_HEX_LEN]);

/* A random UUID (version 4) in lower case: 36 characters and a NUL. */
void crypto_uuid(char dst[37]);

/* Base64 (RFC 4648) of n bytes: 4 * ((n + 2) / 3) characters, and a NUL; returns how many. */
size_t crypto_base64(char *dst, const uint8_t *p, size_t n);

/* Overwrites memory in a way the compiler keeps. */
void crypto_wipe(void *p, size_t n);

/* Wipes a text and frees it; of AUTO_SECRET, to be initialised there, at the end of its block. */
void crypto_str_free(struct str *s);
#define AUTO_SECRET __attribute__((cleanup(crypto_str_free))) struct str

/* mem_free() of a secret string after wiping it; NULL is fine. */
void crypto_free(char *secret);
