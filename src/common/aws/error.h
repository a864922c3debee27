/*
 * error.h - why a call to AWS failed, what may be done about it, and how to say it.
 *
 * The classes are those of the retry table: a code decides before a status, and both before the
 * transport's own findings. t/unit/aws_retry.c has one test per row.
 */
#pragma once

#include "core/base.h"

enum aws_class {
	AWS_FINE,        /* no error */
	AWS_RETRY,       /* temporary, and the service did nothing: not connected, 503 */
	AWS_THROTTLE,    /* temporary: too fast (429, ThrottlingException, SlowDown …) */
	AWS_UNKNOWN,     /* temporary, but the service may have done it: body sent and then reset,
			    timeout, cut answer, 500, 502, 504 */
	AWS_CREDENTIALS, /* none found, expired, wrong, or the clock is off */
	AWS_FORBIDDEN,   /* AccessDenied and the like */
	AWS_NOT_FOUND,   /* 404, ResourceNotFound, NoSuchKey … */
	AWS_INVALID,     /* any other 4xx: our fault or the user's data; never retried */
	AWS_CONFIG,      /* before anything was sent: no region, bad profile, bad endpoint */
	AWS_PROTOCOL,    /* an answer nobody can understand; never retried */
	AWS_STOPPED,     /* aws_stop(), or the sink of a body refused */
};

/* All texts are terminated, cut to fit, and free of secrets; those that came over the wire are
 * shown by aws_error_text() with control bytes escaped. */
struct aws_error {
	enum aws_class class;
	int status;         /* of HTTP; 0: no answer */
	unsigned attempts;  /* how often it was sent */
	unsigned lost;      /* how often nobody knows whether the service did it */
	char operation[40]; /* "PutRecord" */
	char code[80];      /* "ValidationError"; ours in lower case: "timeout", "cut answer" */
	char message[1024];
	char request_id[80]; /* empty when there was none */
};

/* Sets class and texts of an error that no answer describes; the operation stays. Returns false. */
bool aws_error_set(struct aws_error *e, enum aws_class class, const char *code, const char *fmt,
	...) PRINTF_LIKE(4, 5);

/* Makes it an answer to `operation` that nobody can understand (AWS_PROTOCOL). Returns false. */
bool aws_error_bad(struct aws_error *e, const char *operation, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/*
 * Class of an answer: `code` may be empty. Statuses below 300 are AWS_FINE unless a code is given.
 */
enum aws_class aws_classify(int status, struct sl code) NODISCARD;

/* Is it one of a list, which has a blank before and behind each? */
bool aws_code_among(struct sl code, const char *codes);

/* May the same request be sent again and again until it passes? */
bool aws_error_is_temporary(const struct aws_error *e);

/*
 * The exit code of a program: 75 temporary, 77 credentials and forbidden, 69 not found, invalid or
 * stopped, 78 configuration, 76 protocol. Who called aws_stop() for a signal exits by that instead.
 */
enum exit_code aws_error_exit(const struct aws_error *e);

/* One line without end: `PutRecord: ValidationError: text (HTTP 400, request 1b2c…, 3 attempts)`.
 * Lives in one of 4 rotating static buffers. */
const char *aws_error_text(const struct aws_error *e);

/* Ends the program: `prog: error: WHAT: TEXT`, the hint, and the code of aws_error_exit(). */
void aws_die(const struct aws_error *e, const char *what) NORETURN COLD;
