/*
 * msg.h - messages on standard error, exit codes, and the only way out of a program.
 *
 * Every message is one line, `prog: error: text`, lower case, without a full stop. Bytes that came
 * from data are escaped with msg_quote(), so that neither a terminal nor a log can be tricked.
 */
#pragma once

#include "core/base.h"
#include "core/tr.h"

/* Exit codes: the names and numbers of sysexits(3), with 1 as in diff(1) and 76 for streams. */
enum exit_code {
	EX_DONE = 0,	     /* everything asked for was done */
	EX_DIFFERS = 1,	     /* a comparison found differences */
	EX_USAGE_ = 64,	     /* wrong command line */
	EX_DATA = 65,	     /* bad input data */
	EX_NOINPUT_ = 66,    /* an input could not be opened */
	EX_REFUSED = 69,     /* the other side refused */
	EX_BUG = 70,	     /* a bug in this program */
	EX_CANTCREATE = 73,  /* an output could not be created */
	EX_IO = 74,	     /* read or write error */
	EX_TEMP = 75,	     /* temporary: run again */
	EX_STREAM = 76,	     /* incomplete or corrupt stream */
	EX_NOTALLOWED = 77,  /* permission denied, authentication failed */
	EX_CONFIGURATION = 78, /* configuration */

	/* Kinds of these, for die() alone: the lower byte is the exit code; --stats names them. */
	EX_MISSING = EX_REFUSED | (2 << 8),   /* no such group, no such record */
	EX_EXISTS = EX_REFUSED | (3 << 8),    /* what was to be made is there */
	EX_STATEMENT = EX_REFUSED | (4 << 8), /* SQL that the server does not take */
	EX_BUSY = EX_TEMP | (5 << 8),	      /* another run, or a lock of somebody */
	EX_AWAY = EX_TEMP | (6 << 8),	      /* the other side does not answer */
	EX_THROTTLED = EX_TEMP | (7 << 8),    /* it asks for less */
	EX_MEMORY = EX_TEMP | (8 << 8),
};

/* One word for the failure that ends the program with `code`; ferry-json(7) lists them. */
const char *msg_reason(int code);

/* Names the program in every message; `argv0` is kept, only its last component is shown. */
void msg_init(const char *argv0);
const char *msg_prog(void);

/* Prints a warning, a note or (when verbose) a detail; the program goes on. */
extern char msg_warning[]; /* the first that was given, printed or not; "": none was */
void msg_warn(const char *fmt, ...) PRINTF_LIKE(1, 2) COLD;
void msg_insist(const char *fmt, ...) PRINTF_LIKE(1, 2) COLD; /* a warning, with --quiet, too */
void msg_note(const char *fmt, ...) PRINTF_LIKE(1, 2) COLD;
void msg_detail(const char *fmt, ...) PRINTF_LIKE(1, 2) COLD;
void msg_set_verbosity(int level); /* -1 quiet (errors only), 0 notes, 1 details */
int msg_verbosity(void);

/*
 * Prints the error and leaves the program with `code` (never returns). What msg_on_exit()
 * registered runs first. After the first line, `hint` lines can be given by die_hint(): the last
 * argument before the format is printed as `prog: hint: …` when not NULL.
 */
#define die(code, ...) die_hint(code, NULL, __VA_ARGS__)
void die_hint(enum exit_code code, const char *hint, const char *fmt, ...) PRINTF_LIKE(3, 4)
	NORETURN COLD;

/* As die_hint(), with `: detail` added, which is AWS's own: where `what` is translated, on a line
 * of its own behind it. */
void die_aws(enum exit_code code, const char *hint, const char *what, const char *detail)
	NORETURN COLD;

/* As die(), with `: strerror(errno)` added. */
void die_errno(enum exit_code code, const char *fmt, ...) PRINTF_LIKE(2, 3) NORETURN COLD;

/* A broken invariant of ours: exit 70. */
void bug(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN COLD;

/* Leaves at once with `code` and no message; used where the message was printed already. */
void leave(int code) NORETURN COLD;

/*
 * Registers what must happen before a program leaves through die(), die_hint() or bug(): the writer
 * tells the reader downstream why (an abort record), a loader rolls back. Called once each with
 * the exit code and the message in English, in reverse order; one that dies does not recurse.
 * At most 8.
 */
typedef void msg_exit_fn(void *ctx, int code, const char *message);
void msg_on_exit(msg_exit_fn *fn, void *ctx);
void msg_off_exit(msg_exit_fn *fn, void *ctx); /* takes the registration back */

/*
 * In a process that was forked to do a part of the work: its end is not that of the program, so
 * nothing registered runs there, nor what exit() would do in a copy of a program with threads.
 */
void msg_forked(void);

/*
 * Writes `s` for a human into `dst` (of `cap` bytes, always terminated) inside double quotes:
 * control bytes, invalid UTF-8, bidi controls, quotes and backslashes as \n, \t, \", \\ or \xHH;
 * cut after about 80 bytes with "…". Returns dst.
 */
char *msg_quote(char *dst, size_t cap, struct sl s);

/*
 * For a text that was a message already, of another program: copied as it is, except that what
 * acts on a terminal becomes "?"; cut at cap - 1 bytes. Returns dst.
 */
char *msg_plain(char *dst, size_t cap, struct sl s);

/* What msg_quote() gives, in one of 8 rotating buffers of the thread: msg_q(a), msg_q(b) in one
 * printf. */
const char *msg_q(struct sl s);

/*
 * Does the character of `n` bytes at `p` (0: no valid UTF-8) act on a terminal, hide, or reorder
 * what is shown?
 */
bool msg_acts(const char *p, size_t n);
