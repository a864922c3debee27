#include "core/stats.h"

#include "core/clock.h"
#include "core/fd.h"
#include "core/kp.h"
#include "core/path.h"
#include "core/str.h"
#include "core/tmpf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file; /* of --stats */
static bool told;	 /* it and the log have a line of this program */

static const char *log_path(void)
{
	return getenv("FERRY_STATS_LOG");
}

bool stats_wanted(const char *path)
{
	return path || log_path();
}

/* Statistics, or nothing yet: any other file may be an input, named here by mistake. */
static bool is_ours(const char *path)
{
	char head[] = "{\"program\":\"", text[sizeof head] = "";
	struct stat st;
	int fd;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || path_descriptor(path) >= 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)!read(fd, text, sizeof head - 1);
	(void)close(fd);
	return st.st_size == 0 || strcmp(text, head) == 0;
}

bool stats_write(const char *path, struct sl line)
{
	told = true;
	KP("stats");
	return (!path || tmpf_replace(path, line, 0644)) &&
	       (!log_path() || fd_append(log_path(), line, 0600));
}

static struct {
	bool sure; /* the file is for us */
	void (*put)(const void *ctx, struct str *s);
	const void *ctx;
} failing;

static void put_failure(struct str *s, int code, const char *message)
{
	str_addf(s, "{\"program\":\"%s\",\"version\":\"%s\",", msg_prog(), FERRY_VERSION);
	if (failing.put)
		failing.put(failing.ctx, s);
	str_addf(s, "\"exit\":%d,\"reason\":\"%s\",\"error\":", code, msg_reason(code));
	str_add_json(s, sl_of(message));
	str_addz(s, "}\n");
}

static void tell_failure(void *ctx UNUSED, int code, const char *message)
{
	bool ours = file && (failing.sure || is_ours(file));
	AUTO_STR s = { 0 };

	if (told || !stats_wanted(file))
		return;
	put_failure(&s, code, message);
	if (!stats_write(ours ? file : NULL, str_sl(&s)))
		msg_warn("cannot write --stats");
}

void stats_watch(void)
{
	file = NULL;
	told = failing.sure = false;
	failing.put = NULL;
	msg_off_exit(tell_failure, NULL);
	msg_on_exit(tell_failure, NULL);
}

void stats_file(const char *path)
{
	file = path;
}

/* Of a program that writes none by itself. */
static void at_end(int code, void *began)
{
	AUTO_STR s = { 0 };

	if (told || !file || !(failing.sure || is_ours(file)))
		return;
	if (code)
		put_failure(&s, code, code == 1 ? "both sides differ" : "ended by a signal");
	else
		str_addf(&s, "{\"program\":\"%s\",\"version\":\"%s\",\"seconds\":%.3f}\n",
			msg_prog(), FERRY_VERSION,
			(double)(clock_monotonic() - *(int64_t *)began) / 1e6);
	if (!stats_write(file, str_sl(&s)))
		msg_warn("cannot write --stats");
}

void stats_begin(void)
{
	static int64_t began;
	AUTO_STR s = { 0 };

	began = clock_monotonic();
	if (file)
		(void)on_exit(at_end, &began);
	put_failure(&s, 143, "it was ended by a signal, or it still runs");
	if (file && (is_ours(file) || access(file, F_OK) != 0))
		(void)!tmpf_replace(file, str_sl(&s), 0644);
}

void stats_waits(const char *why)
{
	AUTO_STR path = { 0 };

	if (!log_path())
		return;
	str_addf(&path, "%s.waits", log_path());
	/* a courtesy: the run does not depend on it */
	(void)!(why ? tmpf_replace(str_z(&path), sl_of(why), 0600) : unlink(str_z(&path)) == 0);
}

void stats_failing(void (*put)(const void *ctx, struct str *s), const void *ctx)
{
	failing.sure = true;
	failing.put = put;
	failing.ctx = ctx;
}
