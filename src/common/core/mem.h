/*
 * mem.h - memory. Running out of it ends the program (exit 75: another run may find more),
 * so no caller checks. Sizes saturate instead of wrapping round.
 */
#pragma once

#include "core/base.h"

void *mem_alloc(size_t n) __attribute__((malloc, alloc_size(1), returns_nonnull)) NODISCARD;
void *mem_zalloc(size_t n) __attribute__((malloc, alloc_size(1), returns_nonnull)) NODISCARD;
void *mem_realloc(void *p, size_t n) __attribute__((alloc_size(2), returns_nonnull)) NODISCARD;
void mem_free(void *p);

/* Of a pointer's declaration: frees it at the end of that block; to be initialised there. */
void mem_free_at(void *pointer);
#define AUTO_FREE __attribute__((cleanup(mem_free_at)))

char *mem_strdup(const char *s) NODISCARD;

/* A terminated copy of a slice, to be freed with mem_free(). */
char *mem_sldup(struct sl s) NODISCARD;

/* a*b and a+b, SIZE_MAX when they overflow: mem_alloc() then fails cleanly. */
size_t mem_mul(size_t a, size_t b);
size_t mem_add(size_t a, size_t b);

/*
 * Makes room for at least `need` elements of `size` bytes in the array at *arr with capacity *cap,
 * growing by half. Elements keep their values; the array may move.
 */
void mem_grow(void *arr_ptr, size_t *cap, size_t need, size_t size);

/* Puts one more element behind the n of an array. */
#define MEM_PUSH(v, n, cap, ...)                                                                   \
	(mem_grow(&(v), &(cap), (n) + 1, sizeof *(v)), (v)[(n)++] = (__VA_ARGS__))

/* memcpy() for texts that are mostly short: no call for up to 32 bytes. Returns dst + n. */
static inline char *mem_copy(char *dst, const char *p, size_t n)
{
	if (UNLIKELY(n > 32)) {
		memcpy(dst, p, n);
	} else if (n >= 16) {
		memcpy(dst, p, 16);
		memcpy(dst + n - 16, p + n - 16, 16);
	} else if (n >= 8) {
		memcpy(dst, p, 8);
		memcpy(dst + n - 8, p + n - 8, 8);
	} else {
		for (size_t i = 0; i < n; i++)
			dst[i] = p[i];
	}
	return dst + n;
}

/*
 * An arena: many small pieces with one lifetime. Pieces do not move and are released together by
 * arena_reset() (memory kept for reuse) or arena_free(). A zeroed struct is an empty arena.
 */
struct arena {
	struct arena_block *head; /* newest block */
	char *next, *end;	  /* its unused part */
};
void *arena_alloc_block(struct arena *a, size_t n) __attribute__((returns_nonnull)) NODISCARD;

/* n bytes, aligned for any type. */
static inline void *NODISCARD arena_alloc(struct arena *a, size_t n)
{
	size_t want = (n + 15) & ~(size_t)15;
	char *p = a->next;

	if (UNLIKELY(want < n || (size_t)(a->end - p) < want || !p))
		return arena_alloc_block(a, n);
	a->next = p + want;
	return p;
}

/* A copy of s, with a NUL behind it that is not counted. */
static inline struct sl NODISCARD arena_dup(struct arena *a, struct sl s)
{
	char *p = arena_alloc(a, s.n < SIZE_MAX ? s.n + 1 : s.n);

	*mem_copy(p, s.p, s.n) = '\0';
	return (struct sl){ p, s.n };
}
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
void arena_wipe(struct arena *a); /* the same, with what was in it overwritten */

/* One that is freed at the end of the block it is declared in; to be initialised there. */
#define AUTO_ARENA __attribute__((cleanup(arena_free))) struct arena
