#include "fs/fs_journal.h"

#include "core/fd.h"
#include "core/kp.h"
#include "core/tmpf.h"
#include "fs/fs_run.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_LEN 64
#define HEAD_VERSION 21 /* where it stands in it, and where the job does */
#define HEAD_JOB 23
#define BUFFERED 256

struct note {
	uint64_t text, id; /* no id: what happened to a run */
};
enum { RUN_BEGAN, RUN_ENDED };

/* Bits of a text's hash that say more about its note. */
#define TAKEN 1u /* a record of this run was it */
#define AGAIN 2u /* a later run passed over it; also in the file */
#define LAST 4u  /* nothing else of the identifier was acknowledged behind it */
#define DEAD 8u  /* this run sends another record of the identifier */
#define TEXT(text) ((text) & ~UINT64_C(15))

/* A note of an earlier run. */
struct known {
	uint64_t text, id;
	uint32_t run, at;
};

struct fs_journal {
	int fd;
	char *path;
	struct known *known; /* sorted */
	size_t n_known;
	bool cut;
	struct note buffer[BUFFERED];
	size_t n;
};

char *fs_journal_path(struct sl arn, struct sl name, uint64_t job)
{
	const char *hint = "set FERRY_STATE, or say --journal FILE";
	char *path = fs_state_path("fs-put", arn, job, "journal", hint);
	AUTO_FREE char *older = fs_state_path("fs-put", name, job, "journal", hint);

	if (access(path, F_OK))
		(void)rename(older, path); /* mostly there is none */
	return path;
}

static void put_head(char head[HEAD_LEN], uint64_t job)
{
	memset(head, ' ', HEAD_LEN);
	(void)snprintf(head, HEAD_LEN, "ferry fs-put journal 2 %016llx", (unsigned long long)job);
	head[strlen(head)] = ' ';
	head[HEAD_LEN - 1] = '\n';
}

static void write_all(const struct fs_journal *j, const void *data, size_t n)
{
	if (!fd_write(j->fd, (struct sl){ data, n }))
		die_errno(EX_IO, "cannot write the journal %s", msg_q(sl_of(j->path)));
}

static int by_place(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static int by_text(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (TEXT(x->text) > TEXT(y->text)) - (TEXT(x->text) < TEXT(y->text));
}

/*
 * Of an identifier the notes of one run count: the last that sent a record of it. What an earlier
 * one had sent was written over, unless that run passed over it, and noted so.
 */
static void keep_last(struct fs_journal *j)
{
	size_t n = 0, end;

	qsort(j->known, j->n_known, sizeof *j->known, by_place);
	for (size_t i = 0; i < j->n_known; i = end) {
		uint32_t run = 0;
		uint64_t last = 0;

		for (end = i; end < j->n_known && j->known[end].id == j->known[i].id; end++)
			if (!(j->known[end].text & AGAIN))
				run = j->known[end].run;
		for (size_t k = i; k < end; k++)
			if (j->known[k].run == run)
				last = TEXT(j->known[k].text);
		for (; i < end; i++)
			if (j->known[i].run == run) {
				j->known[n] = j->known[i];
				j->known[n].text = TEXT(j->known[n].text);
				j->known[n].text |= j->known[n].text == last ? LAST : 0;
				n++;
			}
	}
	j->n_known = n;
	qsort(j->known, n, sizeof *j->known, by_text);
}

static void take_notes(struct fs_journal *j, const struct note *notes, size_t n)
{
	uint32_t run = 0;

	j->known = mem_alloc(mem_mul(n + 1, sizeof *j->known));
	for (size_t i = 0; i < n; i++)
		if (notes[i].id) {
			j->known[j->n_known++] = (struct known){
				notes[i].text, notes[i].id, run, (uint32_t)i };
		} else {
			j->cut = notes[i].text == RUN_BEGAN;
			run += j->cut; /* one that was killed says nothing of its end */
		}
	keep_last(j);
}

/*
 * A crash may have left a part of the head, and a power failure zeros in its place; what begins
 * otherwise is another file.
 */
static bool has_head(const struct fs_journal *j, const char want[HEAD_LEN])
{
	static const char none[HEAD_LEN];
	char head[HEAD_LEN];
	ssize_t n = TEMP_FAILURE_RETRY(pread(j->fd, head, HEAD_LEN, 0));

	if (n < 0)
		die_errno(EX_IO, "cannot read the journal %s", msg_q(sl_of(j->path)));
	if (memcmp(head, none, (size_t)n) == 0)
		return false;
	if (n > HEAD_JOB && memcmp(head, want, HEAD_VERSION) == 0 &&
		memcmp(head, want, HEAD_JOB) != 0)
		die_hint(EX_CONFIGURATION, "use that one, or --no-resume to begin anew",
			"%s: the journal of another version of ferry", msg_q(sl_of(j->path)));
	if (memcmp(head, want, (size_t)n) != 0)
		die_hint(EX_DATA, "choose another --journal, or --no-resume to begin anew",
			"%s: the journal of another job, or no journal", msg_q(sl_of(j->path)));
	return n == HEAD_LEN;
}

/* Reads what earlier runs noted; the end of a note that was torn by a crash is cut off. */
static void load(struct fs_journal *j, off_t size)
{
	size_t bytes;
	struct note *notes;

	bytes = (size_t)(size - HEAD_LEN) / sizeof *notes * sizeof *notes;
	notes = mem_alloc(bytes + 1);
	if (!fd_read_at(j->fd, (char *)notes, bytes, HEAD_LEN))
		die_errno(EX_IO, "cannot read the journal %s", msg_q(sl_of(j->path)));
	if (ftruncate(j->fd, (off_t)(HEAD_LEN + bytes)) != 0 ||
		lseek(j->fd, (off_t)(HEAD_LEN + bytes), SEEK_SET) < 0)
		die_errno(EX_IO, "cannot continue the journal %s", msg_q(sl_of(j->path)));
	take_notes(j, notes, bytes / sizeof *notes);
	mem_free(notes);
}

static void note(struct fs_journal *j, uint64_t text, uint64_t id)
{
	j->buffer[j->n++] = (struct note){ text, id };
	if (j->n == BUFFERED)
		fs_journal_flush(j);
}

struct fs_journal *fs_journal_open(const char *path, uint64_t job, bool anew)
{
	struct fs_journal *j = mem_zalloc(sizeof *j);
	char head[HEAD_LEN];
	struct stat st;

	j->path = mem_strdup(path);
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0)
		die_errno(EX_CANTCREATE, "cannot open the journal %s", msg_q(sl_of(path)));
	KP("journal_opened");
	/* one that ended meanwhile may have added to it, or removed it */
	if (flock(j->fd, LOCK_EX | LOCK_NB) != 0 || fstat(j->fd, &st) != 0 || st.st_nlink == 0)
		die(EX_BUSY, "%s: another load is writing this journal", msg_q(sl_of(path)));
	put_head(head, job);
	if (!anew && has_head(j, head)) {
		load(j, st.st_size);
	} else {
		if (ftruncate(j->fd, 0) != 0)
			die_errno(EX_CANTCREATE, "cannot write the journal %s", msg_q(sl_of(path)));
		write_all(j, head, HEAD_LEN);
		if (!tmpf_sync_name(path))
			die_errno(EX_IO, "cannot write the journal %s", msg_q(sl_of(path)));
	}
	note(j, RUN_BEGAN, 0);
	return j;
}

uint64_t fs_journal_known(const struct fs_journal *j)
{
	return j->n_known;
}

bool fs_journal_was_cut(const struct fs_journal *j)
{
	return j->n_known && j->cut;
}

/* The first note that does not come before this one. */
static struct known *find(const struct fs_journal *j, uint64_t id, uint64_t text)
{
	const struct known key = { .id = id, .text = text };
	size_t low = 0, high = j->n_known;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_text(&j->known[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return &j->known[low];
}

void fs_journal_forget(struct fs_journal *j, uint64_t id)
{
	struct known *first = find(j, id, 0);

	if (!id)
		j->n_known = 0;
	else if (first < j->known + j->n_known && first->id == id)
		first->text |= DEAD;
}

enum fs_journal_said fs_journal_take(struct fs_journal *j, const uint64_t key[2], bool last)
{
	const struct known *end = j->known + j->n_known;
	struct known *first = j->n_known ? find(j, key[1], 0) : NULL, *k;

	if (!first || first == end || first->id != key[1] || first->text & DEAD)
		return FS_JOURNAL_NOT;
	for (k = find(j, key[1], key[0]); k < end && k->id == key[1]; k++) {
		if (TEXT(k->text) != TEXT(key[0]) || (last && !(k->text & LAST)))
			break;
		if (k->text & TAKEN)
			continue;
		k->text |= TAKEN;
		note(j, TEXT(key[0]) | AGAIN, key[1]);
		return k->text & LAST ? FS_JOURNAL_LAST : FS_JOURNAL_BEFORE;
	}
	first->text |= DEAD;
	return FS_JOURNAL_NOT;
}

void fs_journal_note(struct fs_journal *j, const uint64_t key[2])
{
	note(j, TEXT(key[0]), key[1]);
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

void fs_journal_close(struct fs_journal *j, bool done, bool cut)
{
	if (!j)
		return;
	if (!cut)
		note(j, RUN_ENDED, 0);
	fs_journal_flush(j);
	if (done && (unlink(j->path) != 0 || !tmpf_sync_name(j->path)))
		msg_warn(
			"cannot remove the journal %s: %s", msg_q(sl_of(j->path)), strerror(errno));
	(void)close(j->fd);
	mem_free(j->known);
	mem_free(j->path);
	mem_free(j);
}
