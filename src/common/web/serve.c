#include "web/serve.h"

#include "core/html.h"
#include "core/stop.h"
#include "web/reader.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- who is let in, and where ---------------------------------------------------------------- */

#define TOKEN_MIN 16

static const struct opt_list *names;
static char token[260]; /* "": none is asked for */

static void read_token(const char *path)
{
	struct stat st;
	struct sl text;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0 || (n = read(fd, token, sizeof token - 1)) < 0)
		die_errno(EX_NOINPUT_, "--token-file %s", msg_q(sl_of(path)));
	(void)close(fd);
	if (st.st_mode & 077)
		die_hint(EX_NOTALLOWED, "chmod 600 keeps it to its owner",
			"--token-file %s: others may read it",
			msg_q(sl_of(path)));
	text = sl_trim((struct sl){ token, (size_t)n }, " \t\r\n");
	memmove(token, text.p, text.n);
	token[text.n] = '\0';
	if (text.n < TOKEN_MIN || strlen(token) != text.n)
		die_hint(EX_CONFIGURATION, "openssl rand -hex 16 makes one",
			"--token-file %s: no token of %d characters or more",
			msg_q(sl_of(path)), TOKEN_MIN);
}

/* Has he the token, as password of HTTP's basic authentication (NULL: none was sent)? */
static bool lets_in(const char *said)
{
	size_t n = strlen(token);
	bool in = n == 0 || (said && strlen(said) == n);
	unsigned char differ = 0;

	for (size_t i = 0; in && i < n; i++) /* in the same time wherever they differ */
		differ |= (unsigned char)(said[i] ^ token[i]);
	return in && differ == 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static char ours[3][100]; /* as a browser names us when nobody has given us a name */

/*
 * Is a request to this Host (NULL: none was named) meant for us? One to a foreign name comes from
 * a page of somebody else, whose name leads to our address (DNS rebinding).
 */
static bool is_ours(const char *host)
{
	bool known = false;

	for (size_t i = 0; host && i < ARRAY_LEN(ours); i++)
		known |= strcasecmp(host, ours[i]) == 0;
	for (size_t i = 0; host && i < names->n; i++)
		known |= strcasecmp(host, names->v[i].p) == 0;
	return known;
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(
			&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
	return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
}

/* A socket that listens; `url` gets how it is called. `o` is to live as long as the process. */
static int open_gate(const struct gate_opts *o, char *url, size_t cap)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM }, *a;
	struct sockaddr_storage bound = { 0 };
	socklen_t n = sizeof bound;
	char host[80] = "", port[8] = "";
	bool six = o->listen[0] == '[';
	int fd, yes = 1, end = 0;

	if (sscanf(o->listen, six ? "[%79[^]]]:%7[0-9]%n" : "%79[^:]:%7[0-9]%n", host, port,
		    &end) != 2 || o->listen[end] || strtoul(port, NULL, 10) > 65535 ||
		getaddrinfo(host, port, &hints, &a) != 0)
		opt_usage("--listen: not like 127.0.0.1:8420 or [::1]:8420: %s",
			msg_q(sl_of(o->listen)));
	if (!is_loopback(a->ai_addr) && !o->token_file)
		opt_usage("--listen: others reach this address: --token-file is needed");
	names = &o->hosts;
	if (o->token_file)
		read_token(o->token_file);
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
		bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 100) != 0 ||
		getsockname(fd, (struct sockaddr *)&bound, &n) != 0)
		die_errno(EX_REFUSED, "cannot listen at %s", msg_q(sl_of(o->listen)));
	freeaddrinfo(a);
	(void)getnameinfo((struct sockaddr *)&bound, n, NULL, 0, port, sizeof port,
		NI_NUMERICSERV);
	(void)snprintf(ours[0], sizeof ours[0], six ? "[%s]:%s" : "%s:%s", host, port);
	(void)snprintf(ours[1], sizeof ours[1], "localhost:%s", port);
	(void)snprintf(ours[2], sizeof ours[2], "localhost"); /* through a proxy */
	(void)snprintf(url, cap, "http://%s/", ours[0]);
	return fd;
}

#define FRESH CLOCK_US_PER_SEC /* what is older is read again before it is shown */
#define CALLS_MAX 256U
#define DOCS_MAX 1024 /* most may be of jobs that are not there */

/* What was read of a job, or (0) of all. */
struct doc {
	struct doc *next;
	uint64_t job;
	struct str part[PAGE_PARTS];
	uint64_t version[PAGE_PARTS], newest; /* counts changes */
	int64_t asked, at, due; /* clock_monotonic(): 0: not; when it came; when to ask again */
	bool none;	       /* there is no such job */
};

enum kind { PAGE, EVENTS, METRICS, JSON, HEALTH, ICON };

struct call {
	struct call *next;
	struct MHD_Connection *connection;
	struct doc *doc;
	enum kind kind;
	bool begun, waited, waits;
	uint64_t seen;	/* events: the newest change that was sent */
	struct str out; /* events: what is to be sent */
	bool told_old;
};

static struct {
	struct MHD_Daemon *daemon;
	struct reader reader;
	struct doc *docs;
	struct call *calls;
	uint64_t job;
	bool warned; /* that the target is away */
} server;

/* Of those that nobody looks at or waits for the one that was read the longest ago. */
static struct doc *oldest_idle(void)
{
	struct doc *oldest = NULL;

	for (struct doc *d = server.docs; d; d = d->next) {
		bool idle = !d->asked && (!oldest || d->at < oldest->at);

		for (struct call *c = server.calls; c && idle; c = c->next)
			idle = c->doc != d;
		oldest = idle ? d : oldest;
	}
	return oldest;
}

static struct doc *doc_of(uint64_t job)
{
	struct doc *d = server.docs;
	int n = 0;

	for (; d && d->job != job; d = d->next)
		n++;
	if (d)
		return d;
	if (n < DOCS_MAX) {
		d = mem_zalloc(sizeof *d);
		d->next = server.docs;
		server.docs = d;
	} else if ((d = oldest_idle())) {
		for (size_t i = 0; i < PAGE_PARTS; i++)
			str_free(&d->part[i]);
		*d = (struct doc){ .next = d->next };
	}
	if (d)
		d->job = job;
	return d;
}

/* ---- what the reader says -------------------------------------------------------------------- */

static bool is_lost(void)
{
	return server.reader.why.n > 0;
}

/* Is what we have of it from before? */
static bool is_old(const struct doc *d)
{
	return is_lost() || d->none;
}

static bool ask(struct doc *d)
{
	if (!d->asked && reader_ask(&server.reader, d->job))
		d->asked = clock_monotonic();
	return d->asked != 0;
}

/* Those who wait for this page; NULL: all. */
static void wake(const struct doc *d)
{
	for (struct call *c = server.calls; c; c = c->next)
		if (c->waits && (!d || c->doc == d)) {
			c->waits = false;
			MHD_resume_connection(c->connection);
		}
}

static void take_part(void *ctx UNUSED, uint64_t job, unsigned part, struct sl text)
{
	struct doc *d = doc_of(job);
	int64_t now = clock_monotonic(), took = d ? now - d->asked : 0;

	if (!d)
		return; /* there is one as long as it is asked for */
	if (part < PAGE_PARTS) {
		if (sl_eq(str_sl(&d->part[part]), text))
			return;
		str_clear(&d->part[part]);
		str_add(&d->part[part], text);
		d->version[part] = ++d->newest;
		return;
	}
	/* the larger the ledger the less often, so that looking costs it a tenth at most */
	d->at = now;
	d->due = now + (took * 10 > FRESH ? took * 10 : FRESH);
	d->asked = 0;
	d->none = part == PAGE_NONE;
	server.warned = false;
	wake(d);
}

static void listen_to_reader(void)
{
	if (server.reader.fd < 0 || reader_take(&server.reader, take_part, NULL))
		return;
	for (struct doc *d = server.docs; d; d = d->next)
		d->asked = 0;
	if (!server.warned)
		msg_warn("the target cannot be read: %s", str_z(&server.reader.why));
	server.warned = true;
	wake(NULL);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void put_away(const struct doc *d, struct str *out)
{
	str_addf(out, "<section id=\"away\"%s><p role=\"status\">", is_old(d) ? "" : " hidden");
	html_add(out, sl_of(tr(d->none ? N_("there is no such job any more")
		: N_("the target cannot be read; what stands here is from before"))));
	str_addz(out, is_lost() ? ": " : "");
	html_add(out, str_sl(&server.reader.why));
	str_addz(out, "</p></section>\n");
}

static void put_page(const struct doc *d, struct str *out)
{
	AUTO_STR sections = { 0 }, title = { 0 };

	str_addz(&title, "ferry");
	if (d->job)
		str_addf(&title, ": %s %llu", tr("job"), (unsigned long long)d->job);
	put_away(d, &sections);
	for (size_t i = 0; i < PAGE_SECTIONS; i++)
		str_add(&sections, str_sl(&d->part[i]));
	page_whole(out, true, str_sl(&title), str_sl(&sections));
}

static void put_event(struct str *out, struct sl text)
{
	str_addz(out, "data: ");
	for (size_t i = 0; i < text.n; i++) {
		str_addc(out, text.p[i]);
		if (text.p[i] == '\n' && i + 1 < text.n)
			str_addz(out, "data: ");
	}
	str_addz(out, "\n\n");
}

/* The sections that have changed; where there are none the call sleeps until there are. */
static ssize_t read_events(void *ctx, uint64_t pos UNUSED, char *buf, size_t max)
{
	struct call *c = ctx;
	AUTO_STR away = { 0 };
	size_t n;

	if (c->out.n == 0) {
		put_away(c->doc, &away);
		if (c->told_old != is_old(c->doc) || c->seen == 0)
			put_event(&c->out, str_sl(&away));
		for (size_t i = 0; i < PAGE_SECTIONS; i++)
			if (c->doc->version[i] > c->seen)
				put_event(&c->out, str_sl(&c->doc->part[i]));
		c->told_old = is_old(c->doc);
		c->seen = c->doc->newest;
	}
	if (c->out.n == 0) {
		c->waits = true;
		MHD_suspend_connection(c->connection);
		return 0;
	}
	n = c->out.n < max ? c->out.n : max;
	memcpy(buf, c->out.p, n);
	memmove(c->out.p, c->out.p + n, c->out.n -= n);
	return (ssize_t)n;
}

static enum MHD_Result send_off(struct call *c, unsigned status, const char *type,
	struct MHD_Response *r)
{
	AUTO_STR policy = { 0 };
	enum MHD_Result done;

	page_policy(&policy, true);
	(void)MHD_add_response_header(r, "Content-Type", type);
	(void)MHD_add_response_header(r, "Content-Security-Policy", str_z(&policy));
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	(void)MHD_add_response_header(r, "Cache-Control", "no-store");
	if (status == 401)
		(void)MHD_add_response_header(r, "WWW-Authenticate", "Basic realm=\"ferry\"");
	if (status == 405)
		(void)MHD_add_response_header(r, "Allow", "GET, HEAD");
	done = MHD_queue_response(c->connection, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result send_text(struct call *c, unsigned status, const char *type, struct sl text)
{
	return send_off(c, status, type,
		MHD_create_response_from_buffer(text.n, (void *)(uintptr_t)text.p,
			MHD_RESPMEM_MUST_COPY));
}

#define PLAIN "text/plain; charset=utf-8"
#define ICON_SVG                                                                              \
	"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><path fill=\"#0969da\" " \
	"d=\"M1 10h14l-2 4H3zM4 6h8v3H4zM7 2h2v3H7z\"/></svg>"

static enum MHD_Result refuse(struct call *c, unsigned status, const char *why)
{
	AUTO_STR text = { 0 };

	str_addf(&text, "%s\n", tr(why));
	return send_text(c, status, PLAIN, str_sl(&text));
}

static enum MHD_Result answer(struct call *c)
{
	struct doc *d = c->doc;
	AUTO_STR page = { 0 };

	if (c->kind == ICON)
		return send_text(c, 200, "image/svg+xml", SL(ICON_SVG));
	if (is_lost() && c->kind != EVENTS && (c->kind != PAGE || !d->at)) {
		str_addf(&page, "%s\n", str_z(&server.reader.why));
		return send_text(c, 503, PLAIN, str_sl(&page));
	}
	if (d->none)
		return refuse(c, 404,
			d->job ? N_("there is no such job") : N_("no job in the ledger"));
	switch (c->kind) {
	case EVENTS:
		return send_off(c, 200, "text/event-stream",
			MHD_create_response_from_callback(
				MHD_SIZE_UNKNOWN, 32768, read_events, c, NULL));
	case METRICS:
		return send_text(c, 200, "text/plain; version=0.0.4; charset=utf-8",
			str_sl(&d->part[PAGE_METRICS]));
	case JSON:
		return send_text(c, 200, "application/json", str_sl(&d->part[PAGE_JSON]));
	case HEALTH:
		return refuse(c, 200, N_("ok"));
	default:
		put_page(d, &page);
		return send_text(c, 200, "text/html; charset=utf-8", str_sl(&page));
	}
}

/* ---- requests -------------------------------------------------------------------------------- */

/* False: there is nothing at this path. */
static bool route(struct call *c, const char *path)
{
	static const char *const ends[] = { [PAGE] = "/", [EVENTS] = "/events",
		[METRICS] = "/metrics", [JSON] = "/status.json", [HEALTH] = "/healthz",
		[ICON] = "/favicon.ico" };
	bool one = strncmp(path, "/job/", 5) == 0;
	uint64_t job = 0;
	size_t n = one ? strcspn(path + 5, "/") : 0;
	const char *rest = one ? path + 5 + n : path;

	if (one && (!num_u64((struct sl){ path + 5, n }, &job) || job == 0 || job > INT64_MAX))
		return false;
	for (unsigned i = 0; i < (one ? HEALTH : ICON + 1U); i++)
		if (strcmp(*rest ? rest : "/", ends[i]) == 0) {
			c->kind = (enum kind)i;
			if (i == METRICS || i == JSON)
				job = job ? job : server.job;
			c->doc = doc_of(job);
			return c->doc && (job || (i != METRICS && i != JSON));
		}
	return false;
}

static bool is_known(struct call *c)
{
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(c->connection, &password);
	bool known = lets_in(password);

	MHD_free(user);
	MHD_free(password);
	return known;
}

static enum MHD_Result count_host(
	void *ctx, enum MHD_ValueKind kind UNUSED, const char *name, const char *value UNUSED)
{
	*(unsigned *)ctx += strcasecmp(name, "Host") == 0;
	return MHD_YES;
}

static enum MHD_Result serve(void *ctx, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *size, void **state)
{
	struct call *c = *state;
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	unsigned hosts = 0;

	(void)ctx, (void)version, (void)data;
	if (!c) {
		*state = c = mem_zalloc(sizeof *c);
		*c = (struct call){ .next = server.calls, .connection = connection };
		server.calls = c;
		return MHD_YES;
	}
	if (*size) {
		*size = 0;
		return MHD_YES;
	}
	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, count_host, &hosts);
	if (hosts > 1 ||
		!is_ours(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host")))
		return refuse(c, 403, N_("this Host is not ours: --host names others"));
	if (!is_known(c))
		return refuse(c, 401, N_("the password is what --token-file has"));
	if (!reads)
		return refuse(c, 405, N_("nothing can be changed here"));
	if (!route(c, path))
		return refuse(c, 404, N_("there is no such page"));
	if (!c->waited && c->kind != ICON && clock_monotonic() - c->doc->at >= FRESH &&
		ask(c->doc)) {
		c->waited = c->waits = true;
		MHD_suspend_connection(connection);
		return MHD_YES;
	}
	return answer(c);
}

static void end(void *ctx UNUSED, struct MHD_Connection *connection UNUSED, void **state,
	enum MHD_RequestTerminationCode how UNUSED)
{
	struct call **at = &server.calls, *c = *state;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	if (c)
		str_free(&c->out);
	mem_free(c);
	*state = NULL;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Pages that somebody looks at are read again. */
static void look_again(void)
{
	for (struct call *c = server.calls; c; c = c->next)
		if (c->kind == EVENTS && c->doc && clock_monotonic() >= c->doc->due)
			(void)ask(c->doc);
}

static void start(int fd)
{
	server.daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		serve, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, end, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(16 << 10),
		MHD_OPTION_CONNECTION_LIMIT, CALLS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, 20U,
		MHD_OPTION_END);
	if (!server.daemon)
		die(EX_TEMP, "libmicrohttpd does not start");
}

void serve_run(const struct gate_opts *o, const char *conninfo, uint64_t job)
{
	char url[120];
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

	server.reader = (struct reader){ .conninfo = conninfo, .fd = -1 };
	server.job = job;
	start(open_gate(o, url, sizeof url));
	stop_catch_patiently();
	msg_note("the page is at %s", url);
	while (!stop_asked()) {
		MHD_UNSIGNED_LONG_LONG most;
		int wait = server.calls ? 250 : 1000; /* a signal may come just before poll() */

		listen_to_reader();
		look_again();
		(void)MHD_run(server.daemon);
		fds[0].fd = MHD_get_daemon_info(server.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
		fds[1].fd = server.reader.fd;
		if (MHD_get_timeout(server.daemon, &most) == MHD_YES && most < (unsigned)wait)
			wait = (int)most;
		(void)poll(fds, 2, wait);
	}
	reader_end(&server.reader);
	wake(NULL);
	MHD_stop_daemon(server.daemon);
}
