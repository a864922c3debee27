#include "fs/fs_run.h"

#include "aws/crypto.h"
#include "core/clock.h"
#include "core/fd.h"
#include "core/tmpf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char elsewhere[] = "FERRY_STATE names another place";

static void make_folders(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) == 0 ? !tmpf_sync_name(path) : errno != EEXIST)
			die_hint(EX_CANTCREATE, elsewhere, "cannot make the folder %s: %s",
				msg_q(sl_of(path)), strerror(errno));
		*p = '/';
	}
}

char *fs_state_path(
	const char *program, struct sl name, uint64_t job, const char *suffix, const char *hint)
{
	const char *state = getenv("FERRY_STATE"), *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	struct str path = { 0 };

	if (state && *state)
		str_addz(&path, state);
	else if (xdg && *xdg)
		str_addf(&path, "%s/ferry", xdg);
	else if (home && *home)
		str_addf(&path, "%s/.local/state/ferry", home);
	else
		die_hint(EX_CONFIGURATION, hint,
			"no place to keep state: neither FERRY_STATE, XDG_STATE_HOME nor HOME is "
			"set");
	str_addf(&path, "/%s/", program);
	for (size_t i = 0; i < name.n; i++) /* an ARN has slashes */
		str_addc(&path, name.p[i] == '/' || name.p[i] == ':' ? '_' : name.p[i]);
	str_addf(&path, "-%016llx.%s", (unsigned long long)job, suffix);
	make_folders(path.p);
	return path.p;
}

void fs_run_renew(struct fs_run *r)
{
	crypto_uuid(r->name);
	r->again = false;
	if (r->path && (!fd_write_at(r->fd, (struct sl){ r->name, 36 }, 0) || fsync(r->fd)))
		die_hint(EX_CANTCREATE, elsewhere, "cannot write %s: %s", msg_q(sl_of(r->path)),
			strerror(errno));
}

/* Opens the file and locks it; false when a run that lasts has it. */
static bool take(struct fs_run *r, struct stat *st)
{
	for (;;) {
		r->fd = open(r->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (r->fd < 0 || !tmpf_sync_name(r->path) || fstat(r->fd, st))
			die_hint(EX_CANTCREATE, elsewhere, "cannot write %s: %s",
				msg_q(sl_of(r->path)), strerror(errno));
		if (flock(r->fd, LOCK_EX | LOCK_NB)) {
			(void)close(r->fd);
			return false;
		}
		if (fstat(r->fd, st) == 0 && st->st_nlink)
			return true;
		(void)close(r->fd); /* whoever had it was done with it meanwhile */
	}
}

void fs_run_open(
	struct fs_run *r, const char *program, struct sl group, uint64_t job, int64_t max_age_us)
{
	struct stat st;
	int64_t age;

	r->path = fs_state_path(program, group, job, "run", "set FERRY_STATE to a folder");
	if (take(r, &st)) {
		age = time(NULL) - st.st_mtime; /* below 0: a clock was set back */
		r->again = age >= 0 && age < max_age_us / CLOCK_US_PER_SEC &&
			   fd_read_at(r->fd, r->name, 36, 0);
	} else {
		mem_free(r->path);
		r->path = NULL;
	}
	if (!r->again)
		fs_run_renew(r);
}

void fs_run_done(struct fs_run *r)
{
	if (r->path) {
		(void)unlink(r->path); /* one that stays only costs a look at an old query */
		(void)close(r->fd);
	}
	mem_free(r->path);
	*r = (struct fs_run){ 0 };
}
