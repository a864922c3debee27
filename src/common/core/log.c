#include "core/log.h"

#include "core/clock.h"
#include "core/fd.h"
#include "core/opt.h"
#include "core/path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The priorities are those of sd-daemon(3). */
static const struct {
	const char *shown, *word;
	int priority;
} levels[] = {
	[LEVEL_ERROR] = { N_("error: "), "error", 3 },
	[LEVEL_AWS] = { "AWS: ", "error", 3 },
	[LEVEL_WARNING] = { N_("warning: "), "warning", 4 },
	[LEVEL_HINT] = { N_("hint: "), "hint", 5 },
	[LEVEL_NOTE] = { "", "note", 6 },
	[LEVEL_DETAIL] = { "", "detail", 7 },
};

static const char *given_time, *given_format, *given_file;
static bool elsewhere, is_journal; /* than what the front door has for its messages */

static bool is_stderr(const char *stream)
{
	char text[48];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return false;
	(void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(text, stream) == 0;
}

static const char **place_of(const char *name)
{
	return strcmp(name, "log-time") == 0     ? &given_time
	       : strcmp(name, "log-format") == 0 ? &given_format
	       : strcmp(name, "log-file") == 0   ? &given_file
						 : NULL;
}

const char *log_given(const char *name)
{
	const char **place = place_of(name);

	return place ? *place : NULL;
}

bool log_option(const char *name, const char *value)
{
	const char **place = place_of(name);

	if (!place)
		return false;
	if (!*value)
		opt_usage("--%s is empty", name);
	if (place == &given_format && opt_choice_index("text|json", sl_of(value)) < 0)
		opt_usage("--%s: %s is not one of %s", name, msg_q(sl_of(value)), "text|json");
	if (place == &given_file && strcmp(value, "-") != 0) {
		path_claim(PATH_APPEND, "--log-file", value);
		path_check(PATH_APPEND, "--log-file", value);
	}
	*place = value;
	return true;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

void log_begin(void)
{
	const char *stream = variable("FERRY_LOG_STREAM"), *format = variable("FERRY_LOG_FORMAT");

	given_time = variable("FERRY_LOG_TIME");
	given_file = variable("FERRY_LOG_FILE");
	elsewhere = stream && !is_stderr(stream);
	is_journal = is_stderr(getenv("JOURNAL_STREAM"));
	if (format)
		(void)log_option("log-format", format);
}

static const char *now(void)
{
	static _Thread_local char text[CLOCK_TEXT_MAX + 2];
	size_t n = clock_put(text, clock_floor(clock_now(), CLOCK_US_PER_SEC), false);

	text[10] = 'T';
	memcpy(text + n, "Z", 2);
	return text;
}

/* The same for all programs of a run: its front door's, or their process group. */
static const char *run_id(void)
{
	static _Thread_local char text[64];
	const char *run = variable("FERRY_RUN");

	if (run)
		(void)snprintf(text, sizeof text, "%.*s", (int)strcspn(run, " "), run);
	else
		(void)snprintf(text, sizeof text, "%d", (int)getpgrp());
	return text;
}

const char *log_who(void)
{
	static _Thread_local char text[160];
	const char *target = variable("FERRY_LABEL");

	(void)snprintf(text, sizeof text, target ? "%s[%.80s]" : "%s", msg_prog(), target);
	return text;
}

static size_t put_json(char *line, size_t cap, enum log_level level, const char *text)
{
	size_t n = (size_t)snprintf(line, cap,
		"{\"time\":\"%s\",\"program\":\"%s\",\"run\":\"%s\",\"level\":\"%s\","
		"\"message\":\"", now(), log_who(), run_id(), levels[level].word);

	for (; *text && n + 4 < cap; text++) {
		if (*text == '"' || *text == '\\')
			line[n++] = '\\';
		line[n++] = *text;
	}
	memcpy(line + n, "\"}", 2);
	return n + 2;
}

static bool to_file(void)
{
	return given_file && strcmp(given_file, "-") != 0 && !elsewhere;
}

static size_t put_text(char *line, size_t cap, enum log_level level, const char *text)
{
	bool in_file = to_file();
	char priority[8] = "";

	if (is_journal && !in_file)
		(void)snprintf(priority, sizeof priority, "<%d>", levels[level].priority);
	return (size_t)snprintf(line, cap, "%s%s%s%s%s%s: %s%s", priority,
		given_time || in_file ? now() : "", given_time || in_file ? " " : "",
		in_file ? run_id() : "", in_file ? " " : "", log_who(), tr(levels[level].shown),
		text);
}

void log_line(enum log_level level, const char *text, const char *more)
{
	char said[4096], shown[4096], line[sizeof shown * 2 + 400];
	size_t n;

	(void)snprintf(said, sizeof said, "%s%s%s", text, more ? ": " : "", more ? more : "");
	(void)msg_plain(shown, sizeof shown, sl_of(said));
	n = (given_format && strcmp(given_format, "json") == 0 && !elsewhere ? put_json : put_text)
		(line, sizeof line - 1, level, shown);
	line[n++] = '\n';
	if (to_file() && fd_append(given_file, (struct sl){ line, n }, 0666))
		return;
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* there is no other place to complain */
}
