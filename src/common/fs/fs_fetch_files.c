/* The manifest of an UNLOAD; and parts of Parquet, which become files as they are. */
#include "aws/s3.h"
#include "core/hash.h"
#include "core/tmpf.h"
#include "fs/fs_fetch_impl.h"
#include "stream/out.h"

#include <sys/stat.h>
#include <unistd.h>

void fs_fetch_list(struct fs_fetch *f, struct fs_part_list *list)
{
	struct sl bucket, key, line, rest;
	AUTO_NAMES seen = { 0 };
	AUTO_STR path = { 0 };
	struct aws_error e;
	struct aws_call call;
	struct aws_reply r;
	bool added;

	if (!s3_parse(f->x.manifest, &bucket, &key))
		die(EX_STREAM, "query %s does not say where its manifest is", f->id);
	s3_get_call(&call, &path, bucket, key, NULL, NULL); /* so it is 64 MiB at most */
	if (!aws_do(f->aws, &call, &r, &e))
		aws_die(&e, "cannot fetch the list of the parts");
	str_add(&list->manifest, r.body);
	rest = str_sl(&list->manifest);
	while (sl_cut(&rest, '\n', &line)) {
		struct fs_part p;

		if (line.n == 0)
			continue;
		if (line.n <= f->unload.n || memcmp(line.p, f->unload.p, f->unload.n) != 0 ||
			!s3_parse(line, &p.bucket, &p.key))
			die(EX_STREAM, "the manifest names a part that is elsewhere: %s",
				msg_q(line));
		(void)names_add(&seen, line, &added);
		if (!added)
			die(EX_STREAM, "the manifest names a part twice: %s", msg_q(line));
		mem_grow(&list->v, &list->cap, list->n + 1, sizeof *list->v);
		list->v[list->n++] = p;
	}
}

void fs_part_list_free(struct fs_part_list *list)
{
	mem_free(list->v);
	str_free(&list->manifest);
}

/* ---- Parquet ------------------------------------------------------------------------------- */

/* The files, each with ".part" behind its name until all of them are whole. */
struct files {
	struct fs_fetch *fetch;
	size_t n; /* begun */
};

/* x.parquet, x.2.parquet, x.3.parquet …, and `suffix` */
static void name_file(struct str *name, const char *first, size_t i, const char *suffix)
{
	const char *dot = strrchr(first, '.');
	size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - first) : strlen(first);

	str_set(name, (struct sl){ first, stem });
	if (i > 0)
		str_addf(name, ".%zu", i + 1);
	str_addz(name, first + stem);
	str_addz(name, suffix);
}

static void drop_files(void *ctx, int code UNUSED, const char *message UNUSED)
{
	const struct files *files = ctx;
	AUTO_STR name = { 0 };

	for (size_t i = 0; i < files->n; i++) {
		name_file(&name, files->fetch->parquet, i, ".part");
		(void)unlink(str_z(&name));
	}
}

static void keep_files(const struct files *files)
{
	AUTO_STR from = { 0 }, to = { 0 };

	for (size_t i = 0; i < files->n; i++) {
		name_file(&from, files->fetch->parquet, i, ".part");
		name_file(&to, files->fetch->parquet, i, "");
		if (rename(str_z(&from), str_z(&to)) != 0 || !tmpf_sync_name(str_z(&to)))
			die_errno(EX_CANTCREATE, "cannot create %s", msg_q(str_sl(&to)));
	}
}

struct file_sink {
	struct fs_fetch *fetch;
	struct out *out;
	uint64_t bytes;
	char ends[2][4]; /* Parquet begins and ends with the same four letters */
};

static bool take_bytes(void *ctx, struct sl piece)
{
	struct file_sink *s = ctx;

	out_put(s->out, piece);
	for (size_t i = 0; i < piece.n && s->bytes + i < 4; i++)
		s->ends[0][s->bytes + i] = piece.p[i];
	for (size_t i = piece.n > 4 ? piece.n - 4 : 0; i < piece.n; i++) {
		memmove(s->ends[1], s->ends[1] + 1, 3);
		s->ends[1][3] = piece.p[i];
	}
	s->bytes += piece.n;
	return fs_fetch_wanted(s->fetch);
}

static void fetch_file(struct files *files, const struct fs_part *part)
{
	struct fs_fetch *f = files->fetch;
	struct file_sink s = { .fetch = f };
	AUTO_STR name = { 0 };
	struct aws_error e;
	struct stat st;

	name_file(&name, f->parquet, files->n, "");
	if (lstat(str_z(&name), &st) == 0 && !S_ISREG(st.st_mode))
		die(EX_CANTCREATE, "cannot create %s: it is there, and no file",
			msg_q(str_sl(&name)));
	name_file(&name, f->parquet, files->n++, ".part");
	s.out = out_open(str_z(&name), 0);
	if (!s3_get(f->aws, part->bucket, part->key, take_bytes, &s, NULL, &e))
		fs_fetch_failed(f, NULL, &e);
	if (s.bytes < 12 || memcmp(s.ends[0], "PAR1", 4) != 0 || memcmp(s.ends[1], "PAR1", 4) != 0)
		fs_fetch_failed(f, "a part is no whole Parquet file", NULL);
	out_close(s.out);
}

void fs_fetch_files(struct fs_fetch *f)
{
	struct fs_part_list list = { 0 };
	struct files files = { .fetch = f };
	AUTO_STR last = { 0 };
	struct aws_error e;
	bool known = false;

	fs_fetch_list(f, &list);
	if (list.n == 0)
		msg_note("there is no record, so there is no file");
	msg_on_exit(drop_files, &files);
	for (size_t i = 0; i < list.n; i++)
		fetch_file(&files, &list.v[i]);
	keep_files(&files);
	msg_off_exit(drop_files, &files);
	if (list.n > 1) {
		name_file(&last, f->parquet, list.n - 1, "");
		msg_note("Athena wrote %zu files, the last is %s", list.n, msg_q(str_sl(&last)));
	}
	name_file(&last, f->parquet, list.n, "");
	if (access(str_z(&last), F_OK) == 0)
		msg_warn("%s is there, too, and not of this run", msg_q(str_sl(&last)));
	if (!athena_rows(f->aws, f->id, &f->rows, &known, &e) || !known)
		f->rows = 0;
	fs_part_list_free(&list);
}
