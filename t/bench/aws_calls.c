/*
 * aws_calls URL N WIDTH - what signing alone costs, and what whole calls cost: PutRecord of ten
 * features, to a server that answers at once (null_server). Figures are of the CPU time of this
 * process, so that a busy machine does not spoil them.
 */
#include "aws/crypto.h"
#include "aws/pool.h"
#include "aws/sigv4.h"
#include "core/clock.h"
#include "core/num.h"
#include "fs/featurestore.h"

#include <sys/resource.h>

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void make_body(struct str *body)
{
	char name[16];

	fs_put_begin(body);
	for (int i = 0; i < 10; i++) {
		str_addf(body,
			"%s{\"FeatureName\":\"feature_%d\",\"ValueAsString\":\"1234.5678\"}",
			i ? "," : "", i);
	}
	fs_put_end(body, NULL);
}

static void sign_only(struct sl body, uint64_t n)
{
	const struct sigv4_keys keys = {SL("AKIDEXAMPLE"), SL("secret"), SL("")};
	const struct sigv4_header headers[] = {{SL("host"), SL("h.example.com")},
		{SL("content-type"), SL("application/json")},
		{SL("x-amz-date"), SL("20260301T000000Z")}};
	const struct sigv4_request r = {SL("PUT"), SL("/FeatureGroup/bench"), SL(""), headers,
		ARRAY_LEN(headers), {NULL, 0}, true, true};
	struct sigv4 *s = sigv4_new();
	struct sigv4_template *t = sigv4_template_new();
	struct str out = {0};
	double began = cpu_seconds();
	char hash[CRYPTO_HEX_LEN];

	sigv4_scope(s, &keys, "20260301T000000Z", SL("eu-west-1"), SL("sagemaker"));
	sigv4_prepare(s, &r, t);
	for (uint64_t i = 0; i < n; i++) {
		str_clear(&out);
		crypto_sha256_hex(body, hash);
		sigv4_sign_body(s, t, (struct sl){hash, sizeof hash}, &out);
	}
	printf("signatures of %zu-byte bodies   %9.0f /s of one core\n", body.n,
		(double)n / (cpu_seconds() - began));
	sigv4_template_free(t);
	sigv4_free(s);
	str_free(&out);
}

static void on_done(
	void *pool_ctx, void *call_ctx, const struct aws_reply *r, const struct aws_error *e)
{
	(void)call_ctx;
	(void)r;
	if (e)
		aws_die(e, "calling");
	++*(uint64_t *)pool_ctx;
}

static void whole_calls(const char *url, struct sl body, uint64_t n, unsigned width)
{
	const struct aws_opts o = {.region = "eu-west-1", .endpoint = url};
	struct fs_target t = {0};
	struct aws_error e = {0};
	struct aws *a = aws_open(&o, &e);
	struct aws_pool *p;
	struct aws_call c;
	uint64_t done = 0;
	int64_t began = clock_monotonic();
	double cpu = cpu_seconds(), wall;

	if (!a)
		aws_die(&e, "opening");
	p = aws_pool_new(a, width, on_done, &done);
	fs_target_init(&t, SL("bench"));
	for (uint64_t i = 0; i < n; i++) {
		fs_put_call(&c, &t, body);
		aws_pool_submit(p, &c, NULL);
	}
	aws_pool_drain(p);
	wall = (double)(clock_monotonic() - began) / CLOCK_US_PER_SEC;
	printf("signed calls, %u at once         %9.0f /s of one core, %.0f /s by the clock\n",
		width, (double)done / (cpu_seconds() - cpu), (double)done / wall);
	aws_pool_free(p);
	aws_close(a);
	fs_target_free(&t);
}

int main(int argc, char **argv)
{
	struct str body = {0};
	uint64_t n = 0, width = 0;

	msg_init(argv[0]);
	if (argc != 4 || !num_u64(sl_of(argv[2]), &n) || !num_u64(sl_of(argv[3]), &width) ||
		width == 0)
		die(EX_USAGE_, "usage: aws_calls URL N WIDTH");
	make_body(&body);
	sign_only(str_sl(&body), n);
	whole_calls(argv[1], str_sl(&body), n, (unsigned)width);
	str_free(&body);
	return EX_DONE;
}
