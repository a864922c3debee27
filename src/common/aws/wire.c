#include "aws/wire.h"

#include "core/clock.h"
#include "core/str.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

struct wire_env {
	struct wire_opts o;
	char *ca_bundle;
	CURLSH *share;
};

struct wire {
	CURL *easy;
	CURLM *multi;
	bool tls;
	int fd;
	int64_t due;
	wire_watch_fn *watch;
	void *ctx;
	char error[CURL_ERROR_SIZE];
};

static void init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EX_TEMP, "libcurl cannot be started");
}

struct wire_env *wire_env_new(const struct wire_opts *o)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct wire_env *env = mem_zalloc(sizeof *env);

	pthread_once(&once, init_curl);
	env->o = *o;
	env->ca_bundle = o->ca_bundle ? mem_strdup(o->ca_bundle) : NULL;
	env->share = curl_share_init();
	if (!env->share)
		die(EX_TEMP, "libcurl cannot be started");
	curl_share_setopt(env->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(env->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return env;
}

void wire_env_free(struct wire_env *env)
{
	if (!env)
		return;
	curl_share_cleanup(env->share);
	mem_free(env->ca_bundle);
	mem_free(env);
}

static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *ctx,
	void *socket_ctx UNUSED)
{
	struct wire *w = ctx;

	w->watch(w->ctx, fd, what != CURL_POLL_REMOVE && what & CURL_POLL_IN,
		what != CURL_POLL_REMOVE && what & CURL_POLL_OUT);
	return 0;
}

static int on_timer(CURLM *multi UNUSED, long ms, void *ctx)
{
	struct wire *w = ctx;

	w->due = ms < 0 ? -1 : clock_monotonic() + ms * 1000;
	return 0;
}

static void configure(struct wire *w, const struct wire_env *env, const char *url)
{
	curl_easy_setopt(w->easy, CURLOPT_URL, url);
	curl_easy_setopt(w->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(w->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(w->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(w->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(w->easy, CURLOPT_USERAGENT, "ferry/" FERRY_VERSION);
	curl_easy_setopt(w->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(w->easy, CURLOPT_BUFFERSIZE, 1024L); /* of its own HTTP: only CONNECT */
	curl_easy_setopt(w->easy, CURLOPT_SHARE, env->share);
	curl_easy_setopt(w->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(env->o.connect_us / 1000));
	curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, w->error);
	if (env->o.no_proxy)
		curl_easy_setopt(w->easy, CURLOPT_PROXY, "");
	if (env->ca_bundle)
		curl_easy_setopt(w->easy, CURLOPT_CAINFO, env->ca_bundle);
}

struct wire *wire_new(
	struct wire_env *env, const char *scheme, const char *host, wire_watch_fn *watch, void *ctx)
{
	struct wire *w = mem_zalloc(sizeof *w);
	AUTO_STR url = {0};

	w->fd = -1;
	w->due = -1;
	w->watch = watch;
	w->ctx = ctx;
	w->tls = strcmp(scheme, "https") == 0;
	w->easy = curl_easy_init();
	w->multi = curl_multi_init();
	if (!w->easy || !w->multi)
		die(EX_MEMORY, "no memory for a connection");
	str_addf(&url, "%s://%s/", scheme, host);
	configure(w, env, str_z(&url));
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
	if (curl_multi_add_handle(w->multi, w->easy) != CURLM_OK)
		bug("libcurl takes no connection");
	return w;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	curl_multi_remove_handle(w->multi, w->easy);
	curl_easy_cleanup(w->easy);
	curl_multi_cleanup(w->multi);
	mem_free(w);
}

static enum wire_state connected(struct wire *w, CURLcode rc)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	w->due = -1;
	if (rc == CURLE_OK)
		curl_easy_getinfo(w->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd != CURL_SOCKET_BAD) {
		w->fd = fd;
		return WIRE_UP;
	}
	if (!w->error[0])
		snprintf(w->error, sizeof w->error, "%s", curl_easy_strerror(rc));
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return WIRE_UNTRUSTED;
	default:
		return WIRE_DOWN;
	}
}

enum wire_state wire_step(struct wire *w, int fd, bool in, bool out, bool failed)
{
	int events = (in ? CURL_CSELECT_IN : 0) | (out ? CURL_CSELECT_OUT : 0) |
		     (failed ? CURL_CSELECT_ERR : 0);
	int running = 0, left = 0;
	CURLMsg *m;

	if (fd < 0)
		w->due = -1; /* libcurl sets the next one, if any */
	if (curl_multi_socket_action(
		    w->multi, fd < 0 ? CURL_SOCKET_TIMEOUT : fd, events, &running) != CURLM_OK)
		bug("libcurl refuses to connect");
	while ((m = curl_multi_info_read(w->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			return connected(w, m->data.result);
	return WIRE_CONNECTING;
}

int64_t wire_due(const struct wire *w)
{
	return w->due;
}

const char *wire_error(const struct wire *w)
{
	return w->error;
}

int wire_fd(const struct wire *w)
{
	return w->fd;
}

/* Without TLS the socket is used directly: libcurl would look for its connection at every call. */
ssize_t wire_send(struct wire *w, struct sl s)
{
	size_t n = 0;
	CURLcode rc;

	if (!w->tls) {
		ssize_t got = send(w->fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (got >= 0 || errno == EAGAIN || errno == EINTR)
			return got < 0 ? 0 : got;
		snprintf(w->error, sizeof w->error, "sending: %s", strerror(errno));
		return -1;
	}
	rc = curl_easy_send(w->easy, s.p, s.n, &n);
	if (rc == CURLE_OK || rc == CURLE_AGAIN)
		return (ssize_t)n;
	snprintf(w->error, sizeof w->error, "sending: %s", curl_easy_strerror(rc));
	return -1;
}

ssize_t wire_receive(struct wire *w, char *buf, size_t cap)
{
	size_t n = 0;
	CURLcode rc;

	if (!w->tls) {
		ssize_t got = recv(w->fd, buf, cap, MSG_DONTWAIT);

		if (got >= 0)
			return got;
		if (errno == EAGAIN || errno == EINTR)
			return -1;
		snprintf(w->error, sizeof w->error, "receiving: %s", strerror(errno));
		return -2;
	}
	rc = curl_easy_recv(w->easy, buf, cap, &n);
	if (rc == CURLE_OK)
		return (ssize_t)n;
	if (rc == CURLE_AGAIN)
		return -1;
	snprintf(w->error, sizeof w->error, "receiving: %s", curl_easy_strerror(rc));
	return -2;
}

bool wire_buffers(const struct wire *w)
{
	return w->tls;
}

bool wire_is_quiet(const struct wire *w)
{
	char byte;

	return recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}
