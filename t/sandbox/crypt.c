#include "crypt.h"

#include "core/msg.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

static const char hex[] = "0123456789abcdef";

size_t crypt_digest(const char *name, unsigned char *out, struct sl data)
{
	size_t n = 0;

	if (!EVP_Q_digest(NULL, name, NULL, data.p, data.n, out, &n))
		bug("digest %s failed", name);
	return n;
}

void crypt_sha256(unsigned char out[SHA256_BYTES], struct sl data)
{
	(void)crypt_digest("SHA256", out, data);
}

void crypt_hmac(unsigned char out[SHA256_BYTES], struct sl key, struct sl data)
{
	unsigned n = 0;

	if (!HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)data.p, data.n, out, &n))
		bug("hmac failed");
}

void crypt_add_hex(struct str *s, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str_addc(s, hex[p[i] >> 4]);
		str_addc(s, hex[p[i] & 15]);
	}
}

void crypt_add_base64(struct str *s, const unsigned char *p, size_t n)
{
	char *dst = str_room(s, (n + 2) / 3 * 4);

	s->n += (size_t)EVP_EncodeBlock((unsigned char *)dst, p, (int)n);
	s->p[s->n] = '\0';
}

static void random_bytes(unsigned char *p, size_t n)
{
	if (RAND_bytes(p, (int)n) != 1)
		bug("no random bytes");
}

void crypt_uuid(char out[UUID_TEXT])
{
	unsigned char r[16];
	size_t at = 0;

	random_bytes(r, sizeof r);
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof r; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		out[at++] = hex[r[i] >> 4];
		out[at++] = hex[r[i] & 15];
	}
	out[at] = '\0';
}

void crypt_random_name(char *out, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	unsigned char r;

	for (size_t i = 0; i < n; i++) {
		random_bytes(&r, 1);
		out[i] = letters[r % (sizeof letters - 1)];
	}
}

bool crypt_same(struct sl a, struct sl b)
{
	return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}
