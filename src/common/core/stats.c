#include "core/stats.h"

#include "core/msg.h"
#include "core/str.h"
#include "core/tmpf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool told; /* the log has a line of this program */

static const char *log_path(void)
{
	return getenv("FERRY_STATS_LOG");
}

bool stats_wanted(const char *path)
{
	return path || log_path();
}

void stats_forget(const char *path)
{
	struct stat st;

	if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		(void)!truncate(path, 0); /* or it is replaced in the end */
}

static bool append(const char *path, struct sl line)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, line.p, line.n) == (ssize_t)line.n;

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

bool stats_write(const char *path, struct sl line)
{
	told = true;
	return (!path || tmpf_replace(path, line, 0644)) &&
	       (!log_path() || append(log_path(), line));
}

static void tell_failure(void *ctx, int code, const char *message)
{
	AUTO_STR s = { 0 };

	(void)ctx;
	if (told)
		return;
	str_addf(&s, "{\"program\":\"%s\",\"version\":\"%s\",\"exit\":%d,\"error\":", msg_prog(),
		FERRY_VERSION, code);
	str_add_json(&s, sl_of(message));
	str_addz(&s, "}\n");
	if (!append(log_path(), str_sl(&s)))
		msg_warn("cannot append to FERRY_STATS_LOG");
}

void stats_watch(void)
{
	if (log_path())
		msg_on_exit(tell_failure, NULL);
}
