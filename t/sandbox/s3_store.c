#include "s3_store.h"

#include "core/msg.h"
#include "crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	int dir;
	uint64_t next_file;
	struct s3_bucket **v;
	size_t n, cap;
} s3;

void s3_store_start(const char *dir)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		die_errno(EX_CANTCREATE, "cannot create, %s", dir);
	s3.dir = open(dir, O_DIRECTORY | O_CLOEXEC);
	if (s3.dir < 0)
		die_errno(EX_CANTCREATE, "cannot open, %s", dir);
}

void s3_store_move_dir(int fd)
{
	s3.dir = dup2(s3.dir, fd);
}

struct s3_bucket *s3_bucket_find(struct sl name)
{
	for (size_t i = 0; i < s3.n; i++)
		if (sl_eq(s3.v[i]->name, name))
			return s3.v[i];
	return NULL;
}

struct s3_bucket *s3_bucket_get(struct sl name, struct sl account, struct sl region)
{
	struct s3_bucket *b = s3_bucket_find(name);

	if (b)
		return b;
	b = mem_zalloc(sizeof *b);
	b->name = arena_dup(&b->mem, name);
	b->account = arena_dup(&b->mem, account);
	b->region = arena_dup(&b->mem, region);
	b->created = unix_now();
	mem_grow(&s3.v, &s3.cap, s3.n + 1, sizeof(struct s3_bucket *));
	s3.v[s3.n++] = b;
	return b;
}

bool s3_bucket_delete(struct s3_bucket *b)
{
	if (b->n)
		return false;
	for (size_t i = 0; i < s3.n; i++)
		if (s3.v[i] == b)
			s3.v[i] = s3.v[--s3.n];
	mem_free(b->v);
	arena_free(&b->mem);
	mem_free(b);
	return true;
}

struct s3_bucket **s3_buckets(size_t *n)
{
	*n = s3.n;
	return s3.v;
}

size_t s3_store_lower_bound(const struct s3_bucket *b, struct sl key)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (sl_cmp(b->v[mid]->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct s3_object *s3_store_find(const struct s3_bucket *b, struct sl key)
{
	size_t at = s3_store_lower_bound(b, key);

	return at < b->n && sl_eq(b->v[at]->key, key) ? b->v[at] : NULL;
}

static void put_file_name(char *dst, size_t cap, uint64_t file)
{
	(void)snprintf(dst, cap, "%llu", (unsigned long long)file);
}

uint64_t s3_store_file(int *fd)
{
	char name[24];

	do {
		put_file_name(name, sizeof name, ++s3.next_file);
		*fd = openat(s3.dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	} while (*fd < 0 && errno == EEXIST);
	if (*fd < 0)
		die_errno(EX_CANTCREATE, "cannot create an object's file");
	return s3.next_file;
}

int s3_store_open(uint64_t file)
{
	char name[24];
	int fd;

	put_file_name(name, sizeof name, file);
	fd = openat(s3.dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die_errno(EX_IO, "cannot open an object's file, %s", name);
	return fd;
}

void s3_store_drop_file(uint64_t file)
{
	char name[24];

	put_file_name(name, sizeof name, file);
	(void)unlinkat(s3.dir, name, 0);
}

static void object_free(struct s3_object *o)
{
	s3_store_drop_file(o->file);
	mem_free(o->meta.v);
	arena_free(&o->mem);
	mem_free(o);
}

struct s3_object *s3_store_put_file(
	struct s3_bucket *b, struct sl key, uint64_t file, const char *etag)
{
	size_t at = s3_store_lower_bound(b, key);
	struct s3_object *o = mem_zalloc(sizeof *o);
	struct stat st;
	int fd = s3_store_open(file);

	if (fstat(fd, &st) != 0)
		die_errno(EX_IO, "cannot look at an object's file");
	(void)close(fd);
	o->key = arena_dup(&o->mem, key);
	o->size = (uint64_t)st.st_size;
	o->file = file;
	o->modified = unix_now();
	(void)snprintf(o->etag, sizeof o->etag, "%s", etag);
	if (at < b->n && sl_eq(b->v[at]->key, key)) {
		object_free(b->v[at]);
		b->v[at] = o;
		return o;
	}
	mem_grow(&b->v, &b->cap, b->n + 1, sizeof(struct s3_object *));
	memmove(b->v + at + 1, b->v + at, (b->n - at) * sizeof *b->v);
	b->v[at] = o;
	b->n++;
	return o;
}

struct s3_object *s3_store_put(struct s3_bucket *b, struct sl key, struct sl data)
{
	unsigned char md5[64];
	struct str etag = { 0 };
	struct s3_object *o;
	size_t n = crypt_digest("MD5", md5, data);
	int fd;
	uint64_t file = s3_store_file(&fd);

	for (size_t at = 0; at < data.n;) {
		ssize_t put = write(fd, data.p + at, data.n - at);

		if (put < 0)
			die_errno(EX_IO, "cannot write an object");
		at += (size_t)put;
	}
	(void)close(fd);
	crypt_add_hex(&etag, md5, n);
	o = s3_store_put_file(b, key, file, str_z(&etag));
	str_free(&etag);
	return o;
}

bool s3_store_delete(struct s3_bucket *b, struct sl key)
{
	size_t at = s3_store_lower_bound(b, key);

	if (at == b->n || !sl_eq(b->v[at]->key, key))
		return false;
	object_free(b->v[at]);
	memmove(b->v + at, b->v + at + 1, (b->n - at - 1) * sizeof *b->v);
	b->n--;
	return true;
}
