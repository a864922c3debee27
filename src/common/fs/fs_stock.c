#include "fs/fs_stock.h"

#include "core/clock.h"

#define GIB (double)(1 << 30)

/* List prices of Seoul (ap-northeast-2) in January 2025, for each GiB and month; requests and
 * the minimum days of a class are not in them. */
static const struct {
	const char *class;
	double usd;
} prices[] = {{"STANDARD_IA", 0.0138}, {"ONEZONE_IA", 0.011}, {"GLACIER_IR", 0.005},
	{"GLACIER", 0.0045}, {"DEEP_ARCHIVE", 0.002}};

static double price_of(const struct fs_stock *s, struct sl class)
{
	for (size_t i = 0; i < ARRAY_LEN(prices); i++)
		if (sl_eq_str(class, prices[i].class))
			return prices[i].usd;
	return s->price;
}

static void count(struct names *names, struct fs_size **lots, size_t *cap, struct sl name,
	const struct s3_object *o, double usd)
{
	bool added;
	size_t i = names_add(names, name, &added);

	mem_grow(lots, cap, i + 1, sizeof **lots);
	if (added)
		(*lots)[i] = (struct fs_size)FS_NO_SIZE;
	fs_size_add(&(*lots)[i], o, usd);
}

/* What is behind the last dot of its name, of a few characters. */
static struct sl kind_of(struct sl key)
{
	const char *slash = memrchr(key.p, '/', key.n), *dot = memrchr(key.p, '.', key.n);
	size_t n = dot ? (size_t)(key.p + key.n - dot) - 1 : 0;

	return dot && dot > slash && n > 0 && n < 12 ? (struct sl){dot + 1, n} : SL("other");
}

static void keep_newest(struct fs_stock *s, const struct s3_object *o)
{
	size_t at = s->n_newest;

	while (at > 0 && s->newest[at - 1].modified < o->modified)
		at--;
	if (at == FS_STOCK_NEWEST)
		return;
	s->n_newest += s->n_newest < FS_STOCK_NEWEST;
	memmove(&s->newest[at + 1], &s->newest[at],
		(s->n_newest - at - 1) * sizeof *s->newest);
	s->newest[at] = *o;
	s->newest[at].key = arena_dup(&s->mem, o->key);
}

double fs_stock_add(struct fs_stock *s, const struct s3_object *o)
{
	struct sl class = o->class.n ? o->class : SL("STANDARD"), kind = kind_of(o->key);
	double usd = (double)o->size / GIB * price_of(s, class);
	char text[CLOCK_TEXT_MAX];
	AUTO_STR name = {0};

	str_addf(&name, "%.*s %.*s", (int)kind.n, kind.p, (int)class.n, class.p);
	count(&s->kinds, &s->kind, &s->cap_kinds, str_sl(&name), o, usd);
	if (o->modified != INT64_MIN && clock_put(text, o->modified, false) > 7)
		count(&s->months, &s->month, &s->cap_months, (struct sl){text, 7}, o, usd);
	keep_newest(s, o);
	return usd;
}

static void put_kinds(const struct fs_stock *s, enum report_format format, struct str *out)
{
	static const struct report_column cols[] = {{"Type", false}, {"StorageClass", false},
		{"Files", true}, {"Bytes", true}, {"GiB", true},
		{"USDPerMonth", true}, {"USDPerYear", true}};
	AUTO_REPORT t = {.columns = cols, .n_columns = ARRAY_LEN(cols)};

	for (size_t i = 0; i < s->kinds.n; i++) {
		const char *name = s->kinds.name[i].p, *blank = strchr(name, ' ');

		report_text(&t, (struct sl){name, (size_t)(blank - name)});
		report_text(&t, sl_of(blank + 1));
		report_count(&t, s->kind[i].objects);
		report_count(&t, s->kind[i].bytes);
		report_real(&t, (double)s->kind[i].bytes / GIB, 3);
		report_real(&t, s->kind[i].usd, 4);
		report_real(&t, 12 * s->kind[i].usd, 4);
	}
	report_put(&t, format, out);
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const struct fs_stock *s = ctx;

	return sl_cmp(s->months.name[*(const size_t *)a], s->months.name[*(const size_t *)b]);
}

void fs_stock_months(const struct fs_stock *s, enum report_format format, struct str *out)
{
	static const struct report_column cols[] = {{"Month", false}, {"Files", true},
		{"Bytes", true}, {"TotalBytes", true}};
	AUTO_REPORT t = {.columns = cols, .n_columns = ARRAY_LEN(cols)};
	AUTO_FREE size_t *order = mem_alloc(mem_mul(s->months.n + 1, sizeof *order));
	uint64_t total = 0;

	for (size_t i = 0; i < s->months.n; i++)
		order[i] = i;
	qsort_r(order, s->months.n, sizeof *order, by_name, (void *)(uintptr_t)s);
	for (size_t i = 0; i < s->months.n; i++) {
		const struct fs_size *lot = &s->month[order[i]];

		report_text(&t, s->months.name[order[i]]);
		report_count(&t, lot->objects);
		report_count(&t, lot->bytes);
		report_count(&t, total += lot->bytes);
	}
	report_put(&t, format, out);
}

static void put_newest(const struct fs_stock *s, enum report_format format, struct str *out)
{
	static const struct report_column cols[] = {
		{"NewestFiles", false}, {"Bytes", true}, {"Modified", false}};
	AUTO_REPORT t = {.columns = cols, .n_columns = ARRAY_LEN(cols)};

	for (size_t i = 0; i < s->n_newest; i++) {
		char text[CLOCK_TEXT_MAX];

		report_text(&t, s->newest[i].key);
		report_count(&t, s->newest[i].size);
		report_text(&t, (struct sl){text,
					  clock_put(text, s->newest[i].modified, false)});
	}
	report_put(&t, format, out);
}

void fs_stock_put(const struct fs_stock *s, enum report_format format, struct str *out)
{
	void (*const part[])(const struct fs_stock *, enum report_format, struct str *) = {
		put_kinds, fs_stock_months, put_newest};

	for (size_t i = 0; i < ARRAY_LEN(part) && s->kinds.n; i++) {
		str_addc(out, '\n');
		part[i](s, format, out);
	}
}

void fs_stock_free(struct fs_stock *s)
{
	arena_free(&s->mem);
	names_free(&s->kinds);
	names_free(&s->months);
	mem_free(s->kind);
	mem_free(s->month);
}
