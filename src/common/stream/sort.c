#include "stream/sort.h"

#include "core/fd.h"
#include "core/tmpf.h"

#include <errno.h>
#include <unistd.h>

#define MIN_BUFFER ((size_t)16 * 1024)

/* An item in memory and in the file: both lengths, then both texts. */
struct item {
	uint32_t key_n, payload_n;
	char text[];
};

struct run {
	off_t at, end; /* unread part in the scratch file */
	char *buf;
	size_t cap, start, n; /* buffered part */
};

struct sorter {
	int (*cmp)(struct sl, struct sl);
	size_t memory, used;
	struct arena arena;
	struct item **items;
	size_t n_items, items_cap, next_item;
	int fd; /* -1 until the first run is spilled */
	off_t file_end;
	struct run *runs;
	size_t n_runs, runs_cap;
	size_t *heap; /* numbers of runs, smallest head first */
	size_t heap_n;
	bool reading;
};

struct sorter *sorter_new(size_t memory, int (*cmp)(struct sl, struct sl))
{
	struct sorter *s = mem_zalloc(sizeof *s);

	s->memory = memory;
	s->cmp = cmp;
	s->fd = -1;
	return s;
}

static struct sl item_key(const struct item *i)
{
	return (struct sl){ i->text, i->key_n };
}

/* Merge sort of pointers: stable, which qsort(3) does not promise. */
static void merge_sort(struct sorter *s, struct item **a, struct item **tmp, size_t n)
{
	size_t half = n / 2, l = 0, r = half, o = 0;

	if (n < 2)
		return;
	merge_sort(s, a, tmp, half);
	merge_sort(s, a + half, tmp, n - half);
	if (s->cmp(item_key(a[half - 1]), item_key(a[half])) <= 0)
		return; /* in order already, as most telemetry nearly is */
	memcpy(tmp, a, n * sizeof *a);
	while (l < half && r < n)
		a[o++] = s->cmp(item_key(tmp[l]), item_key(tmp[r])) <= 0 ? tmp[l++] : tmp[r++];
	while (l < half)
		a[o++] = tmp[l++];
	while (r < n)
		a[o++] = tmp[r++];
}

static void sort_items(struct sorter *s)
{
	AUTO_FREE struct item **tmp = mem_alloc(mem_mul(s->n_items, sizeof(struct item *)));

	merge_sort(s, s->items, tmp, s->n_items);
}

/* Rounded up, so that the next item in a buffer is aligned. */
static size_t item_size(const struct item *i)
{
	return (sizeof *i + i->key_n + i->payload_n + 7) & ~(size_t)7;
}

static void write_all(struct sorter *s, const char *p, size_t n)
{
	if (!fd_write_at(s->fd, (struct sl){ p, n }, s->file_end))
		die_errno(EX_IO, "cannot write scratch data for sorting");
	s->file_end += (off_t)n;
}

static void spill(struct sorter *s)
{
	struct run run = { 0 };
	size_t cap = (size_t)256 * 1024, n = 0;
	AUTO_FREE char *buf = mem_alloc(cap);

	if (s->fd < 0)
		s->fd = tmpf_scratch();
	sort_items(s);
	run.at = s->file_end;
	for (size_t i = 0; i < s->n_items; i++) {
		size_t size = item_size(s->items[i]);

		if (n + size > cap) {
			write_all(s, buf, n);
			n = 0;
		}
		if (size > cap) {
			write_all(s, (const char *)s->items[i], size);
		} else {
			memcpy(buf + n, s->items[i], size);
			n += size;
		}
	}
	write_all(s, buf, n);
	run.end = s->file_end;
	MEM_PUSH(s->runs, s->n_runs, s->runs_cap, run);
	arena_reset(&s->arena);
	s->n_items = s->used = 0;
}

void sorter_add(struct sorter *s, struct sl key, struct sl payload)
{
	size_t size = mem_add(sizeof(struct item) + 7, mem_add(key.n, payload.n));
	struct item *i;

	if (s->n_items && s->used + size > s->memory)
		spill(s);
	i = arena_alloc(&s->arena, size);
	i->key_n = (uint32_t)key.n;
	i->payload_n = (uint32_t)payload.n;
	memcpy(i->text, key.p, key.n);
	memcpy(i->text + key.n, payload.p, payload.n);
	mem_grow(&s->items, &s->items_cap, s->n_items + 1, sizeof(struct item *));
	s->items[s->n_items++] = i;
	/* its pointer, and the pointer's place while sorting */
	s->used += size + 2 * sizeof(struct item *);
}

/* Makes sure that n bytes of the run are buffered. */
static void fill_run(struct sorter *s, struct run *r, size_t n)
{
	memmove(r->buf, r->buf + r->start, r->n);
	r->start = 0; /* the buffer begins aligned and so stays every item in it */
	mem_grow(&r->buf, &r->cap, n, 1);
	while (r->n < n || (r->n < r->cap && r->at < r->end)) {
		size_t left = (size_t)(r->end - r->at), room = r->cap - r->n;
		ssize_t got = pread(s->fd, r->buf + r->n, left < room ? left : room, r->at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die_errno(EX_IO, "cannot read scratch data for sorting");
		r->n += (size_t)got;
		r->at += got;
	}
}

static const struct item *run_head(const struct run *r)
{
	return (const struct item *)(const void *)(r->buf + r->start);
}

/* Brings the next item of the run into the buffer, whole; false when there is none. */
static bool run_ready(struct sorter *s, struct run *r)
{
	if (r->n == 0 && r->at == r->end)
		return false;
	if (r->n < sizeof(struct item))
		fill_run(s, r, sizeof(struct item));

	struct item head;

	memcpy(&head, r->buf + r->start, sizeof head);
	if (r->n < item_size(&head))
		fill_run(s, r, item_size(&head));
	return true;
}

/* Earlier runs first where keys are equal: that keeps the order of arrival. */
static bool run_before(const struct sorter *s, size_t a, size_t b)
{
	int c = s->cmp(item_key(run_head(&s->runs[a])), item_key(run_head(&s->runs[b])));

	return c ? c < 0 : a < b;
}

static void sift_down(struct sorter *s, size_t i)
{
	for (;;) {
		size_t least = i;

		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < s->heap_n; c++)
			if (run_before(s, s->heap[c], s->heap[least]))
				least = c;
		if (least == i)
			return;
		size_t t = s->heap[i];

		s->heap[i] = s->heap[least];
		s->heap[least] = t;
		i = least;
	}
}

static void start_reading(struct sorter *s)
{
	size_t buffer;

	s->reading = true;
	s->next_item = 0;
	if (s->n_runs == 0) {
		sort_items(s);
		return;
	}
	spill(s);
	arena_free(&s->arena); /* the memory now belongs to the runs' buffers */
	buffer = s->memory / s->n_runs > MIN_BUFFER ? s->memory / s->n_runs : MIN_BUFFER;
	s->heap = mem_realloc(s->heap, mem_mul(s->n_runs, sizeof *s->heap));
	for (size_t i = 0; i < s->n_runs; i++) {
		s->runs[i].buf = mem_alloc(buffer);
		s->runs[i].cap = buffer;
		if (run_ready(s, &s->runs[i]))
			s->heap[s->heap_n++] = i;
	}
	for (size_t i = s->heap_n; i-- > 0;)
		sift_down(s, i);
}

static void reset(struct sorter *s)
{
	for (size_t i = 0; i < s->n_runs; i++)
		mem_free(s->runs[i].buf);
	arena_reset(&s->arena);
	s->n_items = s->used = s->n_runs = s->heap_n = 0;
	s->file_end = 0;
	s->reading = false;
}

static void hand_out(const struct item *i, struct sl *key, struct sl *payload)
{
	*key = item_key(i);
	*payload = (struct sl){ i->text + i->key_n, i->payload_n };
}

bool sorter_next(struct sorter *s, struct sl *key, struct sl *payload)
{
	struct run *r;

	if (!s->reading) {
		start_reading(s);
	} else if (s->heap_n) {
		/* the item handed out before is used up only now: its slices lived until here */
		r = &s->runs[s->heap[0]];
		size_t size = item_size(run_head(r));

		r->start += size;
		r->n -= size;
		if (!run_ready(s, r))
			s->heap[0] = s->heap[--s->heap_n];
		sift_down(s, 0);
	}
	if (s->heap_n) {
		hand_out(run_head(&s->runs[s->heap[0]]), key, payload);
		return true;
	}
	if (s->n_runs == 0 && s->next_item < s->n_items) {
		hand_out(s->items[s->next_item++], key, payload);
		return true;
	}
	reset(s);
	return false;
}

void sorter_free(struct sorter *s)
{
	if (!s)
		return;
	reset(s);
	arena_free(&s->arena);
	mem_free(s->items);
	mem_free(s->runs);
	mem_free(s->heap);
	if (s->fd >= 0)
		(void)close(s->fd); /* scratch: nothing to lose */
	mem_free(s);
}
