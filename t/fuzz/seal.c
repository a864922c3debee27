/*
 * Sealed streams. A text whose checksums were made right is read the same however it arrives. And
 * of a stream that the writer made, nothing changed or cut passes: a plain second checker says
 * where its seals are and what they cover, and no seal behind the change is ever taken.
 */
#include "records.h"

static uint32_t plain_crc(uint32_t crc, struct sl s)
{
	crc = ~crc;
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/*
 * Walks the seals of a text: those that end a line and have `"crc":"` and eight digits there. `fix`
 * puts the right digits in; otherwise they are compared. Returns how many are right.
 */
static size_t walk_seals(char *p, size_t n, bool csv, bool fix)
{
	const char *mark = csv ? ",\"\"crc\"\":\"\"" : ",\"crc\":\"";
	const char *tail = csv ? "\"\"}\"\n" : "\"}}\n";
	size_t from = 0, m = strlen(mark), t = strlen(tail), right = 0;

	for (size_t i = 0; i + m + 8 + t <= n; i++) {
		char digits[9];

		if (memcmp(p + i, mark, m) != 0 || memcmp(p + i + m + 8, tail, t) != 0)
			continue;
		(void)snprintf(digits, sizeof digits, "%08x",
			plain_crc(0, (struct sl){ p + from, i - from }));
		if (fix)
			memcpy(p + i + m, digits, 8);
		right += memcmp(p + i + m, digits, 8) == 0;
		from = i + m + 8 + t;
	}
	return right;
}

/* ---- what the writer makes ------------------------------------------------------------------- */

struct made {
	struct sl orders;
	enum format format;
	struct str text;
	size_t seals;
};

/* A byte an order: a row of that many bytes of the orders, a seal, another column. */
static void make_stream(void *ctx)
{
	static const struct sl names[] = { SL_INIT("a"), SL_INIT("b,"), SL_INIT("\"c\""),
		SL_INIT("\xc3\xa9") };
	struct made *m = ctx;
	const struct wr_conf conf = { .format = m->format, .sealed = true };
	int out = memfd_create("out", MFD_CLOEXEC);
	struct wr *w = wr_from_fd(dup(out), "out", &conf);
	struct seal seal = { .chunk = SL("x"), .src = SL("{\"rows\":1}") };
	size_t cols = 2;
	ssize_t n;

	wr_cols(w, names, cols);
	for (size_t i = 0; i < m->orders.n && i < 60 && m->seals < 8; i++) {
		unsigned char c = (unsigned char)m->orders.p[i];
		struct field f[4];

		for (size_t k = 0; k < cols; k++)
			f[k] = c >> k & 1 ? FIELD_NULL
					  : field_str((struct sl){ "x,\"\n\ty z", c % 9 });
		if (c == '!') {
			wr_seal(w, &seal);
			m->seals++;
		} else if (c == '+' && cols < ARRAY_LEN(names)) {
			wr_cols(w, names, ++cols);
		} else {
			wr_row(w, f, cols);
		}
	}
	seal.final = true;
	wr_seal(w, &seal);
	m->seals++;
	wr_close(w);
	fuzz.inside = false;
	n = pread(out, str_room(&m->text, 1 << 18), 1 << 18, 0);
	CHECK(n > 0 && n < 1 << 18, "too much to read back");
	m->text.n = (size_t)n;
	(void)close(out);
}

/* Two bytes say where, one what: 0 cuts there, anything else is put there. */
static void check_change(struct made *m, struct sl how)
{
	size_t at = ((size_t)(unsigned char)how.p[0] << 8 | (unsigned char)how.p[1]) % m->text.n;
	char was = m->text.p[at], is = how.p[2];
	struct reading r = { .in = str_sl(&m->text), .conf = { .format = m->format } };
	struct sl head = { m->text.p, at };
	size_t before = 0;

	/* seals that end before the change stand as they were */
	while (head.n && head.p[head.n - 1] != '\n')
		head.n--;
	before = walk_seals(m->text.p, head.n, m->format == FMT_CSV, false);
	if (is)
		m->text.p[at] = is;
	else
		r.in.n = at;
	check_pieces(&r);
	if (is == was) {
		CHECK(r.code == 0 && r.seals == m->seals, "%s", str_z(&r.log));
	} else {
		/* a cut where nothing was said yet is an empty input, and no stream */
		CHECK(r.code || r.bad || !r.sealed, "byte %d: %s", (int)at, str_z(&r.log));
		CHECK(r.seals <= before, "byte %d: %d seals of %d", (int)at, (int)r.seals,
			(int)before);
	}
	reading_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in);
	enum format format = on & 1 ? FMT_NDJSON : FMT_CSV;
	struct made m = { .format = format };

	if (on & 2) {
		if (in.n < 3)
			return 0;
		m.orders = (struct sl){ in.p + 3, in.n - 3 };
		CHECK(fuzz_code(make_stream, &m) == 0, "%s", fuzz.message);
		CHECK(walk_seals(m.text.p, m.text.n, format == FMT_CSV, false) == m.seals,
			"the second checker sees other seals\n%s", str_z(&m.text));
		check_change(&m, in);
	} else {
		struct reading r = { .conf = { .format = format } };

		str_add(&m.text, in);
		(void)walk_seals(m.text.p, m.text.n, format == FMT_CSV, true);
		r.in = str_sl(&m.text);
		check_pieces(&r);
		reading_free(&r);
	}
	str_free(&m.text);
	return 0;
}
