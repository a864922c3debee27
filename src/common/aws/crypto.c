/*
 * The SHA256_* calls are used, not EVP: a context on the stack, no allocation and no look-up per
 * digest. At tens of thousands of signatures a second, seven digests each, that is a third of the
 * time of signing.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "aws/crypto.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#define BLOCK 64

_Static_assert(sizeof(SHA256_CTX) == sizeof((struct crypto_hmac *)0)->inner,
	"struct crypto_hmac holds two states of SHA-256");

void crypto_sha256(struct sl s, uint8_t out[CRYPTO_SHA256_LEN])
{
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, s.p, s.n);
	SHA256_Final(out, &c);
}

static void absorb(unsigned char state[112], const uint8_t key[BLOCK], uint8_t pad)
{
	uint8_t block[BLOCK];
	SHA256_CTX c;

	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	SHA256_Init(&c);
	SHA256_Update(&c, block, BLOCK);
	memcpy(state, &c, sizeof c);
	crypto_wipe(block, sizeof block);
	crypto_wipe(&c, sizeof c);
}

void crypto_hmac_key(struct crypto_hmac *h, struct sl key)
{
	uint8_t block[BLOCK] = {0};

	if (key.n > BLOCK)
		crypto_sha256(key, block);
	else if (key.n)
		memcpy(block, key.p, key.n);
	absorb(h->inner, block, 0x36);
	absorb(h->outer, block, 0x5c);
	crypto_wipe(block, sizeof block);
}

void crypto_hmac_of(const struct crypto_hmac *h, struct sl s, uint8_t out[CRYPTO_SHA256_LEN])
{
	uint8_t inner[CRYPTO_SHA256_LEN];
	SHA256_CTX c;

	memcpy(&c, h->inner, sizeof c);
	SHA256_Update(&c, s.p, s.n);
	SHA256_Final(inner, &c);
	memcpy(&c, h->outer, sizeof c);
	SHA256_Update(&c, inner, sizeof inner);
	SHA256_Final(out, &c);
}

void crypto_hex(char *dst, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*dst++ = digit[p[i] >> 4];
		*dst++ = digit[p[i] & 15];
	}
}

void crypto_sha256_hex(struct sl s, char dst[CRYPTO_HEX_LEN])
{
	uint8_t sum[CRYPTO_SHA256_LEN];

	crypto_sha256(s, sum);
	crypto_hex(dst, sum, sizeof sum);
}

void crypto_uuid(char dst[37])
{
	uint8_t b[16];
	char hex[32];
	size_t at = 0;

	if (RAND_bytes(b, sizeof b) != 1)
		die(EX_TEMP, "random numbers: the system gives none");
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	crypto_hex(hex, b, sizeof b);
	for (size_t i = 0; i < sizeof hex; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			dst[at++] = '-';
		dst[at++] = hex[i];
	}
	dst[at] = '\0';
}

size_t crypto_base64(char *dst, const uint8_t *p, size_t n)
{
	return (size_t)EVP_EncodeBlock((unsigned char *)dst, p, (int)n);
}

void crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

void crypto_str_free(struct str *s)
{
	if (s->p)
		crypto_wipe(s->p, s->n);
	str_free(s);
}

void crypto_free(char *secret)
{
	if (!secret)
		return;
	crypto_wipe(secret, strlen(secret));
	mem_free(secret);
}
