#include "core/mem.h"

static NORETURN COLD void out_of_memory(size_t n)
{
	die(EX_MEMORY, "out of memory (asked for %zu bytes)", n);
}

void *mem_alloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void *mem_zalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void *mem_realloc(void *old, size_t n)
{
	void *p = realloc(old, n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void mem_free(void *p)
{
	free(p);
}

void mem_free_at(void *pointer)
{
	void *p;

	memcpy(&p, pointer, sizeof p);
	free(p);
}

char *mem_strdup(const char *s)
{
	return mem_sldup(sl_of(s));
}

char *mem_sldup(struct sl s)
{
	char *p = mem_alloc(mem_add(s.n, 1));

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

size_t mem_mul(size_t a, size_t b)
{
	size_t r;

	return __builtin_mul_overflow(a, b, &r) ? SIZE_MAX : r;
}

size_t mem_add(size_t a, size_t b)
{
	size_t r;

	return __builtin_add_overflow(a, b, &r) ? SIZE_MAX : r;
}

void mem_grow(void *arr_ptr, size_t *cap, size_t need, size_t size)
{
	void *arr;
	size_t want;

	if (need <= *cap)
		return;
	want = mem_add(*cap, *cap / 2);
	if (want < need)
		want = need;
	if (want < 16)
		want = 16;
	memcpy(&arr, arr_ptr, sizeof arr);
	arr = mem_realloc(arr, mem_mul(want, size));
	memcpy(arr_ptr, &arr, sizeof arr);
	*cap = want;
}

struct arena_block {
	struct arena_block *older;
	size_t cap;
	_Alignas(16) char data[];
};

#define ARENA_BLOCK ((size_t)64 * 1024)

void *arena_alloc_block(struct arena *a, size_t n)
{
	size_t want = mem_add(n, 15) & ~(size_t)15;
	size_t cap = want > ARENA_BLOCK ? want : ARENA_BLOCK;
	struct arena_block *b = mem_alloc(mem_add(sizeof *b, cap));

	b->older = a->head;
	b->cap = cap;
	a->head = b;
	a->next = b->data + want;
	a->end = b->data + cap;
	return b->data;
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->head;

	/* keep one block: the next record will be about as large as this one */
	while (b && b->older) {
		struct arena_block *older = b->older;

		free(b);
		b = older;
	}
	a->head = b;
	a->next = b ? b->data : NULL;
	a->end = b ? b->data + b->cap : NULL;
}

void arena_free(struct arena *a)
{
	arena_reset(a);
	free(a->head);
	*a = (struct arena){ 0 };
}

void arena_wipe(struct arena *a)
{
	for (struct arena_block *b = a->head; b; b = b->older)
		explicit_bzero(b->data, b->cap);
	arena_free(a);
}
