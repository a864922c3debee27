/* opt_near.c - lists of words, and the one of them that was meant. */
#include "core/opt_impl.h"

int opt_choice_index(const char *choices, struct sl word)
{
	struct sl list = sl_of(choices), each;

	for (int i = 0; sl_cut(&list, '|', &each); i++)
		if (sl_eq(each, word))
			return i;
	return -1;
}

/* Levenshtein distance; names longer than 40 are never near. */
static size_t distance(struct sl a, struct sl b)
{
	size_t row[48];

	if (a.n > 40 || b.n > 40)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diag = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t best = diag + (a.p[i - 1] != b.p[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.n];
}

void opt_consider(struct sl word, struct sl candidate, size_t *best, struct sl *near)
{
	size_t d = distance(word, candidate);

	if (word.n > 2 && candidate.n > word.n && memcmp(word.p, candidate.p, word.n) == 0)
		d = 1;
	if (d < *best) {
		*best = d;
		*near = candidate;
	}
}

size_t opt_tolerance(struct sl word)
{
	return word.n < 3 ? word.n : 3;
}

struct sl opt_near(const char *choices, struct sl word)
{
	struct sl list = sl_of(choices), near = { 0 }, each;
	size_t best = opt_tolerance(word);

	while (sl_cut(&list, '|', &each))
		opt_consider(word, each, &best, &near);
	return near;
}
