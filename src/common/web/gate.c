#include "web/gate.h"

#include "core/msg.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool gate_lets_in(const char *said)
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

bool gate_knows(const char *host)
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

int gate_open(const struct gate_opts *o, char *url, size_t cap)
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
