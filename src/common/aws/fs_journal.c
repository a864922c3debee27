#include "aws/fs_journal.h"

#include "aws/fs_run.h"
#include "core/mem.h"
#include "core/msg.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_LEN 64
#define BUFFERED 256

struct note {
	uint64_t key[2];
};

struct fs_journal {
	int fd;
	char *path;
	struct note *known; /* sorted; the lowest bit of key[0] marks the taken ones */
	size_t n_known;
	struct note buffer[BUFFERED];
	size_t n;
};

char *fs_journal_path(struct sl name, uint64_t job)
{
	return fs_state_path(
		"fs-put", name, job, "journal", "set FERRY_STATE, or say --journal FILE");
}

static void put_head(char head[HEAD_LEN], uint64_t job)
{
	memset(head, ' ', HEAD_LEN);
	(void)snprintf(head, HEAD_LEN, "ferry fs-put journal 1 %016llx", (unsigned long long)job);
	head[strlen(head)] = ' ';
	head[HEAD_LEN - 1] = '\n';
}

static void write_all(const struct fs_journal *j, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t k = write(j->fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			die_errno(EX_IO, "cannot write the journal %s", msg_q(sl_of(j->path)));
		p += k;
		n -= (size_t)k;
	}
}

static int by_key(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	if (x->key[1] != y->key[1])
		return x->key[1] < y->key[1] ? -1 : 1;
	return (x->key[0] > y->key[0]) - (x->key[0] < y->key[0]);
}

/* Reads what earlier runs noted; the end of a note that was torn by a crash is cut off. */
static void load(struct fs_journal *j, uint64_t job, off_t size)
{
	char head[HEAD_LEN], want[HEAD_LEN];
	size_t bytes, got = 0;

	put_head(want, job);
	if (pread(j->fd, head, HEAD_LEN, 0) != HEAD_LEN || memcmp(head, want, HEAD_LEN) != 0)
		die_hint(EX_DATA, "choose another --journal, or --no-resume to begin anew",
			"%s: the journal of another job, or no journal", msg_q(sl_of(j->path)));
	j->n_known = (size_t)(size - HEAD_LEN) / sizeof *j->known;
	bytes = j->n_known * sizeof *j->known;
	j->known = mem_alloc(bytes + 1);
	while (got < bytes) {
		ssize_t k =
			pread(j->fd, (char *)j->known + got, bytes - got, (off_t)(HEAD_LEN + got));

		if (k <= 0)
			die_errno(EX_IO, "cannot read the journal %s", msg_q(sl_of(j->path)));
		got += (size_t)k;
	}
	if (ftruncate(j->fd, (off_t)(HEAD_LEN + bytes)) != 0 ||
		lseek(j->fd, (off_t)(HEAD_LEN + bytes), SEEK_SET) < 0)
		die_errno(EX_IO, "cannot continue the journal %s", msg_q(sl_of(j->path)));
	qsort(j->known, j->n_known, sizeof *j->known, by_key);
}

struct fs_journal *fs_journal_open(const char *path, uint64_t job, bool anew)
{
	struct fs_journal *j = mem_zalloc(sizeof *j);
	char head[HEAD_LEN];
	struct stat st;

	j->path = mem_strdup(path);
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0 || fstat(j->fd, &st) != 0)
		die_errno(EX_CANTCREATE, "cannot open the journal %s", msg_q(sl_of(path)));
	if (flock(j->fd, LOCK_EX | LOCK_NB) != 0)
		die(EX_TEMP, "%s: another load is writing this journal", msg_q(sl_of(path)));
	if (!anew && st.st_size >= HEAD_LEN) {
		load(j, job, st.st_size);
		return j;
	}
	put_head(head, job);
	if (ftruncate(j->fd, 0) != 0)
		die_errno(EX_CANTCREATE, "cannot write the journal %s", msg_q(sl_of(path)));
	write_all(j, head, HEAD_LEN);
	return j;
}

uint64_t fs_journal_known(const struct fs_journal *j)
{
	return j->n_known;
}

/* The lowest bit is the mark of what was taken, so it takes no part in the comparison. */
static int compare(const struct note *n, const uint64_t key[2])
{
	uint64_t a = n->key[0] | 1, b = key[0] | 1;

	if (n->key[1] != key[1])
		return n->key[1] < key[1] ? -1 : 1;
	return (a > b) - (a < b);
}

bool fs_journal_take(struct fs_journal *j, const uint64_t key[2])
{
	size_t low = 0, high = j->n_known;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&j->known[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < j->n_known && compare(&j->known[low], key) == 0; low++)
		if (!(j->known[low].key[0] & 1)) {
			j->known[low].key[0] |= 1;
			return true;
		}
	return false;
}

void fs_journal_note(struct fs_journal *j, const uint64_t key[2])
{
	j->buffer[j->n++] = (struct note){ { key[0] & ~UINT64_C(1), key[1] } };
	if (j->n == BUFFERED)
		fs_journal_flush(j);
}

void fs_journal_flush(struct fs_journal *j)
{
	if (j->n)
		write_all(j, j->buffer, j->n * sizeof j->buffer[0]);
	j->n = 0;
}

void fs_journal_sync(struct fs_journal *j)
{
	fs_journal_flush(j);
	if (fdatasync(j->fd) != 0)
		die_errno(EX_IO, "cannot write the journal %s", msg_q(sl_of(j->path)));
}

void fs_journal_close(struct fs_journal *j, bool done)
{
	if (!j)
		return;
	fs_journal_flush(j);
	if (done && unlink(j->path) != 0)
		msg_warn(
			"cannot remove the journal %s: %s", msg_q(sl_of(j->path)), strerror(errno));
	(void)close(j->fd);
	mem_free(j->known);
	mem_free(j->path);
	mem_free(j);
}
