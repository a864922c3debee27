#include "core/msg.h"

#include "core/log.h"
#include "core/utf8.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

static const char *prog = "ferry";
static int verbosity;
char msg_warning[3500];

static struct {
	msg_exit_fn *fn;
	void *ctx;
} handlers[8];
static size_t n_handlers;

void msg_init(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	if (argv0 && *argv0)
		prog = slash ? slash + 1 : argv0;
	tr_init();
}

const char *msg_prog(void)
{
	return prog;
}

void msg_set_verbosity(int level)
{
	verbosity = level;
}

int msg_verbosity(void)
{
	return verbosity;
}

#define FORMAT_AS(text, fmt, words)                                                                \
	do {                                                                                       \
		va_list ap_;                                                                       \
		va_start(ap_, fmt);                                                                \
		(void)vsnprintf(text, sizeof text, words, ap_);                                    \
		va_end(ap_);                                                                       \
	} while (0)
#define FORMAT_INTO(text, fmt) FORMAT_AS(text, fmt, tr(fmt))
#define FORMAT_BOTH(fmt)                                                                           \
	char text[3500], plain[3500];                                                              \
	FORMAT_INTO(text, fmt);                                                                    \
	FORMAT_AS(plain, fmt, fmt)

#define SPEAKER(name, level, least)                                                                \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		char text[3500];                                                                   \
		if (verbosity < (least))                                                           \
			return;                                                                    \
		FORMAT_INTO(text, fmt);                                                            \
		log_line(level, text, NULL);                                                       \
	}
SPEAKER(msg_insist, LEVEL_WARNING, -1)
SPEAKER(msg_note, LEVEL_NOTE, 0)
SPEAKER(msg_detail, LEVEL_DETAIL, 1)

void msg_warn(const char *fmt, ...)
{
	char text[3500];

	FORMAT_INTO(text, fmt);
	if (!*msg_warning)
		memcpy(msg_warning, text, strlen(text) + 1);
	if (verbosity >= 0)
		log_line(LEVEL_WARNING, text, NULL);
}

void msg_on_exit(msg_exit_fn *fn, void *ctx)
{
	if (n_handlers == ARRAY_LEN(handlers))
		bug("too many exit handlers");
	handlers[n_handlers].fn = fn;
	handlers[n_handlers].ctx = ctx;
	n_handlers++;
}

void msg_off_exit(msg_exit_fn *fn, void *ctx)
{
	for (size_t i = n_handlers; i-- > 0;)
		if (handlers[i].fn == fn && handlers[i].ctx == ctx) {
			memmove(&handlers[i], &handlers[i + 1],
				(n_handlers - i - 1) * sizeof handlers[0]);
			n_handlers--;
			return;
		}
}

static bool forked;

void msg_forked(void)
{
	n_handlers = 0;
	forked = true;
}

static void run_handlers(int code, const char *message)
{
	while (n_handlers > 0) {
		n_handlers--; /* first, so that a handler that dies is not run again */
		handlers[n_handlers].fn(handlers[n_handlers].ctx, code, message);
	}
}

/* A program that dies frees nothing, and the compiler forgets what it will not need any more. */
#ifdef __SANITIZE_ADDRESS__
static int dying;
#define DYING() (dying = 1)
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return dying;
}
#else
#define DYING() ((void)0)
#endif

/* One thread ends the program; another that fails meanwhile waits for that. */
static void only_one(void)
{
	static _Thread_local bool mine;
	static int taken;

	while (!mine && __atomic_exchange_n(&taken, 1, __ATOMIC_SEQ_CST))
		(void)pause();
	mine = true;
}

static int kind; /* of the failure, beside its exit code */

const char *msg_reason(int code)
{
	static const char *const words[] = { [EX_DIFFERS] = "differs", "missing", "exists",
		"statement", "busy", "away", "throttled", "memory", [EX_USAGE_] = "usage", "data",
		"no-input", [EX_REFUSED] = "refused", "bug", [EX_CANTCREATE] = "cannot-create",
		"io", "temporary", "stream", "not-allowed", "configuration" };

	code = kind ? kind : code;
	return code < (int)ARRAY_LEN(words) && words[code] ? words[code] : "ended";
}

/* What programs read, seals and summaries, has the words of the source: `plain`. */
static NORETURN void die_with(enum exit_code code, const char *text, const char *more,
	const char *hint, const char *plain, const char *plain_more)
{
	char message[3800];

	DYING();
	only_one();
	(void)snprintf(message, sizeof message, "%s%s%s", plain, plain_more ? ": " : "",
		plain_more ? plain_more : "");
	tr_back(message, sizeof message);
	log_line(LEVEL_ERROR, text, more);
	if (!more && plain_more)
		log_line(LEVEL_AWS, plain_more, NULL);
	if (hint)
		log_line(LEVEL_HINT, tr(hint), NULL);
	kind = (int)code >> 8;
	run_handlers((int)code & 0xff, message);
	leave((int)code & 0xff);
}

void die_hint(enum exit_code code, const char *hint, const char *fmt, ...)
{
	FORMAT_BOTH(fmt);
	die_with(code, text, NULL, hint, plain, NULL);
}

void die_aws(enum exit_code code, const char *hint, const char *what, const char *detail)
{
	die_with(code, tr(what), tr(what) == what ? detail : NULL, hint, what, detail);
}

void die_errno(enum exit_code code, const char *fmt, ...)
{
	int why = errno;
	FORMAT_BOTH(fmt);
	die_with(code, text, strerror(why), NULL, plain, strerrordesc_np(why));
}

void bug(const char *fmt, ...)
{
	static const char more[] = N_("this is a bug in ferry: see ferry-errors(7)");
	FORMAT_BOTH(fmt);
	die_with(EX_BUG, text, tr(more), NULL, plain, more);
}

void leave(int code)
{
	if (forked)
		_exit(code);
	exit(code);
}

/*
 * Format characters show nothing, and some reorder what a terminal shows: U+061C, U+200B-U+200F,
 * U+2028-U+202E, U+2060-U+206F, U+FEFF, U+FFF9-U+FFFB, the tags U+E0000-U+E007F (Unicode 15, Cf,
 * Zl, Zp).
 */
static bool is_format(const unsigned char *p, size_t n)
{
	if (n == 2)
		return p[0] == 0xd8 && p[1] == 0x9c;
	if (n == 4)
		return p[0] == 0xf3 && p[1] == 0xa0 && (p[2] == 0x80 || p[2] == 0x81);
	if (n != 3)
		return false;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae);
	if (p[0] == 0xe2 && p[1] == 0x81)
		return p[2] >= 0xa0 && p[2] <= 0xaf;
	return p[0] == 0xef && ((p[1] == 0xbb && p[2] == 0xbf) ||
				(p[1] == 0xbf && p[2] >= 0xb9 && p[2] <= 0xbb));
}

/* C0, DEL and C1 (U+0080-U+009F, two bytes in UTF-8) act on terminals; 0 bytes: invalid UTF-8. */
bool msg_acts(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;

	return n == 0 || (n == 1 && (*p < 0x20 || *p == 0x7f)) ||
	       (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) || is_format(p, n);
}

static size_t quote_one(char *dst, const unsigned char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t o = 0;

	if (n == 1 && (*p == '"' || *p == '\\' || *p == '\n' || *p == '\t' || *p == '\r')) {
		dst[o++] = '\\';
		dst[o++] = *p == '\n' ? 'n' : *p == '\t' ? 't' : *p == '\r' ? 'r' : (char)*p;
		return o;
	}
	if (msg_acts((const char *)p, n)) {
		for (size_t i = 0; i < (n ? n : 1); i++) {
			dst[o++] = '\\';
			dst[o++] = 'x';
			dst[o++] = hex[p[i] >> 4];
			dst[o++] = hex[p[i] & 15];
		}
		return o;
	}
	memcpy(dst, p, n);
	return n;
}

char *msg_quote(char *dst, size_t cap, struct sl s)
{
	size_t o = 0, i = 0;
	size_t room = cap > 100 ? 84 : cap > 20 ? cap - 20 : 0;

	if (cap < 6) {
		if (cap)
			*dst = '\0';
		return dst;
	}
	dst[o++] = '"';
	while (i < s.n && o < room) {
		size_t n = utf8_char(s.p + i, s.n - i);

		o += quote_one(dst + o, (const unsigned char *)s.p + i, n);
		i += n ? n : 1;
	}
	dst[o++] = '"';
	if (i < s.n) {
		memcpy(dst + o, "…", 3);
		o += 3;
	}
	dst[o] = '\0';
	return dst;
}

char *msg_plain(char *dst, size_t cap, struct sl s)
{
	size_t o = 0;

	for (size_t i = 0, n; i < s.n; i += n ? n : 1) {
		n = utf8_char(s.p + i, s.n - i);
		if (o + 5 > cap)
			break;
		if (msg_acts(s.p + i, n)) {
			dst[o++] = '?';
		} else {
			memcpy(dst + o, s.p + i, n);
			o += n;
		}
	}
	if (cap)
		dst[o] = '\0';
	return dst;
}

const char *msg_q(struct sl s)
{
	static _Thread_local char ring[8][112];
	static _Thread_local unsigned next;

	return msg_quote(ring[next++ % 8], sizeof ring[0], s);
}
