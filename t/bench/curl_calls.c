/*
 * curl_calls URL N WIDTH - the calls of aws_calls through libcurl's own requests: a multi handle
 * driven by epoll, WIDTH easy handles used again, its cache of connections kept, each body signed.
 * It is what aws/http.c would have to be replaced by, and at least as fast as.
 */
#include "aws/crypto.h"
#include "aws/sigv4.h"
#include "core/base.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/num.h"
#include "fs/featurestore.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/resource.h>

struct slot {
	CURL *easy;
	struct curl_slist *headers;
	struct str answer;
};

static CURLM *multi;
static int epoll, running;
static int64_t deadline = -1; /* of libcurl's next timer */
static struct sigv4 *signer;
static struct sigv4_template *template;
static struct str body;

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct epoll_event e = { .data.fd = fd };

	(void)easy;
	(void)ctx;
	(void)known;
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (what == CURL_POLL_REMOVE)
		(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e) < 0 &&
		 epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		die_errno(EX_TEMP, "watching a connection");
	return 0;
}

static int on_timer(CURLM *m, long ms, void *ctx)
{
	(void)m;
	(void)ctx;
	deadline = ms < 0 ? -1 : clock_monotonic() + ms * 1000;
	return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	str_add(ctx, (struct sl){ p, size * n });
	return size * n;
}

/* Signs the body and starts the call. */
static void start(struct slot *s)
{
	char hash[CRYPTO_HEX_LEN];
	struct str value = { 0 };

	crypto_sha256_hex(str_sl(&body), hash);
	str_addz(&value, "Authorization: ");
	sigv4_sign_body(signer, template, (struct sl){ hash, sizeof hash }, &value);
	curl_slist_free_all(s->headers);
	s->headers = curl_slist_append(NULL, str_z(&value));
	s->headers = curl_slist_append(s->headers, "Content-Type: application/json");
	s->headers = curl_slist_append(s->headers, "X-Amz-Date: 20260301T000000Z");
	s->headers = curl_slist_append(s->headers, "Expect:");
	s->headers = curl_slist_append(s->headers, "Accept:");
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	str_free(&value);
	str_clear(&s->answer);
	curl_multi_add_handle(multi, s->easy);
}

static void open_slot(struct slot *s, const char *url)
{
	s->easy = curl_easy_init();
	curl_easy_setopt(s->easy, CURLOPT_URL, url);
	curl_easy_setopt(s->easy, CURLOPT_CUSTOMREQUEST, "PUT");
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, body.p);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, &s->answer);
	curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(s->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
}

/* Finished ones begin again, until `left` have been started. */
static void take_done(uint64_t *left, uint64_t *done)
{
	struct CURLMsg *m;
	int queued;

	while ((m = curl_multi_info_read(multi, &queued))) {
		struct slot *s;
		long code = 0;

		if (m->msg != CURLMSG_DONE)
			continue;
		if (m->data.result != CURLE_OK)
			die(EX_TEMP, "%s", curl_easy_strerror(m->data.result));
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s);
		curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &code);
		if (code != 200)
			die(EX_TEMP, "status %ld", code);
		++*done;
		curl_multi_remove_handle(multi, s->easy);
		if (*left > 0) {
			--*left;
			start(s);
		}
	}
}

static void run(uint64_t n, uint64_t left)
{
	struct epoll_event e[128];
	uint64_t done = 0;

	while (done < n) {
		int64_t rest = deadline - clock_monotonic();
		int ready = epoll_wait(epoll, e, ARRAY_LEN(e),
			deadline < 0 || rest > 250000 ? 250 : rest < 0 ? 0 : (int)(rest / 1000));

		if (deadline >= 0 && clock_monotonic() >= deadline) {
			deadline = -1;
			curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		for (int i = 0; i < ready; i++)
			curl_multi_socket_action(multi, e[i].data.fd,
				(e[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
					(e[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0),
				&running);
		take_done(&left, &done);
	}
}

static void prepare(void)
{
	const struct sigv4_keys keys = { SL("AKIDEXAMPLE"), SL("secret"), SL("") };
	const struct sigv4_header headers[] = { { SL("host"), SL("h.example.com") },
		{ SL("content-type"), SL("application/json") },
		{ SL("x-amz-date"), SL("20260301T000000Z") } };
	const struct sigv4_request r = { SL("PUT"), SL("/FeatureGroup/bench"), SL(""), headers,
		ARRAY_LEN(headers), { NULL, 0 }, true, true };
	char name[16];

	fs_put_begin(&body);
	for (int i = 0; i < 10; i++) {
		str_addf(&body,
			"%s{\"FeatureName\":\"feature_%d\",\"ValueAsString\":\"1234.5678\"}",
			i ? "," : "", i);
	}
	fs_put_end(&body, NULL);
	signer = sigv4_new();
	template = sigv4_template_new();
	sigv4_scope(signer, &keys, "20260301T000000Z", SL("eu-west-1"), SL("sagemaker"));
	sigv4_prepare(signer, &r, template);
}

int main(int argc, char **argv)
{
	uint64_t n = 0, width = 0;
	struct str url = { 0 };
	struct slot *slots;
	int64_t began;
	double cpu, wall;

	msg_init(argv[0]);
	if (argc != 4 || !num_u64(sl_of(argv[2]), &n) || !num_u64(sl_of(argv[3]), &width) ||
		width == 0 || n < width)
		die(EX_USAGE_, "usage: curl_calls URL N WIDTH");
	prepare();
	str_addf(&url, "%s/FeatureGroup/bench", argv[1]);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)(2 * width));
	slots = mem_zalloc(mem_mul(width, sizeof *slots));
	began = clock_monotonic();
	cpu = cpu_seconds();
	for (uint64_t i = 0; i < width; i++) {
		open_slot(&slots[i], str_z(&url));
		start(&slots[i]);
	}
	run(n, n - width);
	wall = (double)(clock_monotonic() - began) / CLOCK_US_PER_SEC;
	printf("libcurl's own, %llu at once        %9.0f /s of one core, %.0f /s by the clock\n",
		(unsigned long long)width, (double)n / (cpu_seconds() - cpu), (double)n / wall);
	return EX_DONE;
}
