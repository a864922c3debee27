#include "stream/aggregate.h"

#include "core/decimal.h"

#include <math.h>

bool aggregate_needs_numbers(enum aggregate how)
{
	return how == AGG_AVG || how == AGG_SUM || how == AGG_MIN || how == AGG_MAX;
}

/* A number: a decimal, or NaN or an infinity. */
struct number {
	struct decimal d;
	double odd;
	bool is_odd;
};

static bool parse(struct sl s, struct number *n)
{
	n->is_odd = !decimal_parse(s, &n->d);
	return !n->is_odd || (num_double(s, &n->odd) && !isfinite(n->odd));
}

/* -1 -Infinity, 0 decimals, 1 Infinity, 2 NaN: in this order, as PostgreSQL has it. */
static int rank(const struct number *n)
{
	return !n->is_odd ? 0 : isnan(n->odd) ? 2 : n->odd > 0 ? 1 : -1;
}

static int compare(const struct number *a, const struct number *b)
{
	int by_rank = rank(a) - rank(b);

	return by_rank != 0 || a->is_odd ? by_rank : decimal_cmp(&a->d, &b->d);
}

static void keep(struct aggregate_state *a, const struct field *f)
{
	str_set(&a->text, field_sl(f));
	a->kind = f->kind;
}

static const char *add_to_sum(struct aggregate_state *a, const struct number *n)
{
	struct decimal so_far;
	struct str sum;

	if (n->is_odd) {
		a->odd_sum = a->odd ? a->odd_sum + n->odd : n->odd;
		a->odd = true;
		return NULL;
	}
	if (!decimal_parse(a->text.n ? str_sl(&a->text) : SL("0"), &so_far))
		bug("a sum is no number");
	str_clear(&a->spare);
	if (!decimal_add(&a->spare, &so_far, &n->d))
		return "a number with too many digits";
	sum = a->spare;
	a->spare = a->text;
	a->text = sum;
	return NULL;
}

static const char *add_number(enum aggregate how, struct aggregate_state *a, const struct field *f)
{
	struct number n, best;
	int order;

	if (!parse(field_sl(f), &n))
		return "not a number";
	if (how == AGG_SUM || how == AGG_AVG)
		return add_to_sum(a, &n);
	if (a->n > 0 && !parse(str_sl(&a->text), &best))
		bug("a least or greatest value is no number");
	order = a->n > 0 ? compare(&n, &best) : 0;
	if (a->n == 0 || (how == AGG_MIN ? order < 0 : order > 0))
		keep(a, f);
	return NULL;
}

const char *aggregate_add(enum aggregate how, struct aggregate_state *a, const struct field *f)
{
	const char *why = NULL;

	if (a->n == 0) {
		str_clear(&a->text);
		a->odd = false;
	}
	if (aggregate_needs_numbers(how))
		why = add_number(how, a, f);
	else if (how == AGG_LAST || (how == AGG_FIRST && a->n == 0))
		keep(a, f);
	a->n += !why;
	return why;
}

/* The sum in a->text, or that divided. */
static void put_sum(enum aggregate how, struct aggregate_state *a)
{
	struct decimal sum;

	a->kind = F_NUM;
	if (a->odd) {
		str_clear(&a->text);
		a->text.n = num_put_double(str_room(&a->text, 32), a->odd_sum);
		a->kind = F_STR; /* JSON has no such number */
	} else if (how == AGG_AVG) {
		if (!decimal_parse(str_sl(&a->text), &sum))
			bug("a sum is no number");
		str_clear(&a->spare);
		decimal_divide(&a->spare, &sum, a->n);
		str_set(&a->text, str_sl(&a->spare));
	}
}

struct field aggregate_take(enum aggregate how, struct aggregate_state *a)
{
	struct field f = FIELD_NULL;

	if (how == AGG_COUNT) {
		str_clear(&a->text);
		str_addu(&a->text, a->n);
		a->kind = F_NUM;
	} else if (a->n > 0 && (how == AGG_AVG || how == AGG_SUM)) {
		put_sum(how, a);
	}
	if (a->n > 0) {
		f = field_name(str_sl(&a->text));
		f.kind = a->kind;
	}
	a->n = 0;
	return f;
}

void aggregate_free(struct aggregate_state *a)
{
	str_free(&a->text);
	str_free(&a->spare);
}
