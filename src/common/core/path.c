#include "core/path.h"

#include "core/opt.h"
#include "core/str.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40

struct claim {
	enum path_use use;
	const char *what;
	dev_t dev;
	ino_t ino;
	bool once;  /* it is read from a descriptor, where a second reader finds nothing; */
	const char *path; /* the same pointer again is the same reader */
	char *name; /* what is not there yet: its name in the folder that dev and ino are of */
};

static struct claim *claims;
static size_t n_claims, claims_cap;

int path_descriptor(const char *path)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
	static const char *const names[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr" };
	int fd = sl_index(sl_of(path), names, ARRAY_LEN(names));
	uint64_t n;

	if (fd >= 0)
		return fd;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		size_t len = strlen(folders[i]);

		if (strncmp(path, folders[i], len) == 0 && num_u64(sl_of(path + len), &n) &&
		    n <= INT_MAX)
			return (int)n;
	}
	return -1;
}

static struct sl folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (struct sl){ path, (size_t)(slash - path) + 1 } : SL("./");
}

char *path_target(const char *path)
{
	char *at = mem_strdup(path), to[PATH_MAX];
	AUTO_STR next = { 0 };

	for (int i = 0; i < MAX_LINKS; i++) {
		ssize_t n = readlink(at, to, sizeof to);

		if (n <= 0 || (size_t)n == sizeof to)
			break;
		str_clear(&next);
		if (*to != '/')
			str_add(&next, folder_of(at));
		str_add(&next, (struct sl){ to, (size_t)n });
		mem_free(at);
		at = mem_strdup(str_z(&next));
	}
	return at;
}

/* False for what may be used at will. */
static bool identify(struct claim *c, const char *path)
{
	bool standard = !path || strcmp(path, "-") == 0;
	struct stat st;
	AUTO_FREE char *target = NULL, *folder = NULL;
	bool there;

	if (standard ? fstat(c->use < PATH_WRITE ? STDIN_FILENO : STDOUT_FILENO, &st) == 0
		     : stat(path, &st) == 0) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
		return S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISBLK(st.st_mode);
	}
	if (standard)
		return false;
	target = path_target(path);
	folder = mem_sldup(folder_of(target));
	there = stat(folder, &st) == 0;
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	c->name = mem_strdup(strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
	return there;
}

static bool is_same(const struct claim *a, const struct claim *b)
{
	return a->dev == b->dev && a->ino == b->ino &&
	       (a->name && b->name ? strcmp(a->name, b->name) == 0 : a->name == b->name);
}

void path_claim(enum path_use use, const char *what, const char *path)
{
	struct claim c = { .use = use, .what = what, .path = path };

	if ((path && path_descriptor(path) == STDERR_FILENO) || !identify(&c, path))
		return;
	c.once = use < PATH_WRITE &&
		 (!path || strcmp(path, "-") == 0 || path_descriptor(path) >= 0);
	for (size_t i = 0; i < n_claims; i++) {
		if (!is_same(&claims[i], &c))
			continue;
		if (use >= PATH_WRITE || claims[i].use >= PATH_WRITE)
			opt_usage("%s and %s are the same file: %s", claims[i].what, what,
				  path ? msg_q(sl_of(path)) : "-");
		if (c.once && claims[i].once && path != claims[i].path)
			opt_usage("%s can be read only once", path ? msg_q(sl_of(path)) : "-");
	}
	c.what = mem_strdup(what);
	MEM_PUSH(claims, n_claims, claims_cap, c);
}

void path_check(enum path_use use, const char *what, const char *path)
{
	AUTO_FREE char *target = path_target(path), *folder = mem_sldup(folder_of(target));
	struct stat st;
	bool there = stat(path, &st) == 0, beside;

	if (use == PATH_AWAIT || strcmp(path, "-") == 0 || path_descriptor(path) >= 0 ||
		(use == PATH_READ && access(path, R_OK) == 0))
		return;
	if (use == PATH_READ)
		die_errno(EX_NOINPUT_, "cannot open %s", msg_q(sl_of(path)));
	beside = !there || (use == PATH_WRITE && S_ISREG(st.st_mode)); /* see core/tmpf.h */
	if (there && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if ((!there || access(path, W_OK) == 0) &&
		 (!beside || access(folder, W_OK | X_OK) == 0))
		return;
	die_hint(EX_CANTCREATE,
		 strcmp(what, "--output") == 0 && (errno == EACCES || errno == EROFS)
			 ? "a file is written beside its place first: where the folder "
			   "must stay as it is, say >FILE"
			 : NULL,
		 "cannot write %s: %s", msg_q(sl_of(path)), strerror(errno));
}
