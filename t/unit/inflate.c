/* gzip in: cut at every byte, members in a row, garbage behind, nothing at all. */
#include "render.h"
#include "stream/z.h"

static struct str compress(struct sl text, int level)
{
	struct z_deflate *z = z_deflate_new(Z_GZIP, level);
	struct str s = { 0 };
	size_t n;

	do {
		n = z_deflate_some(z, &text, str_room(&s, 4096), 4096, Z_END);
		s.n += n;
	} while (n > 0 || text.n > 0);
	z_deflate_free(z);
	return s;
}

static const char whole[] = "cols \"a\" \"b\"\nrow 1:2 \"1\" \"x\"\nrow 2:3 \"2\" NULL\nend\n";

static void test_whole(struct sl z)
{
	const struct rd_conf conf = { 0 };
	struct str two = { 0 }, text = { 0 };

	check_render("one member", z, &conf, whole);
	struct str first = compress(SL("a,b\n1,"), 1), second = compress(SL("x\n2,\n"), 9);

	str_add(&two, str_sl(&first));
	str_add(&two, str_sl(&second));
	check_render("two members", str_sl(&two), &conf, whole);
	str_free(&first);
	first = compress(SL(""), 6);
	str_clear(&two);
	str_add(&two, str_sl(&first));
	str_add(&two, z);
	check_render("an empty member before another", str_sl(&two), &conf, whole);
	check_render("an empty member alone", str_sl(&first), &conf, "end\n");
	str_addz(&text, "a,b\n1,x\n2,\n");
	check_render("no gzip at all", str_sl(&text), &conf, whole);
	str_free(&first);
	str_free(&second);
	str_free(&two);
	str_free(&text);
}

static void test_garbage(struct sl z)
{
	static const struct sl tails[] = { SL_INIT("x"), SL_INIT("\n"), SL_INIT("\0"),
		SL_INIT("\x1f"), SL_INIT("\x1f\x8b"), SL_INIT("more text than a header has"),
		SL_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") };
	const struct rd_conf conf = { 0 };
	struct str s = { 0 }, got = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		str_clear(&s);
		str_add(&s, z);
		str_add(&s, tails[i]);
		for (size_t step = 1; step < 60000; step += 59998) {
			str_clear(&got);
			render(&got, str_sl(&s), step, &conf);
			tap(strstr(str_z(&got), "exit 65\n") && !strstr(str_z(&got), "\nend\n"),
				"%s behind a member, %zu bytes at a time", msg_q(tails[i]), step);
		}
	}
	str_free(&s);
	str_free(&got);
}

/* zlib's own gzread() takes a cut file for a whole one. */
static void test_cuts(struct sl z)
{
	const struct rd_conf conf = { 0 };
	struct str got = { 0 };
	int passed = 0;

	for (size_t n = 2; n < z.n; n++) {
		str_clear(&got);
		render(&got, (struct sl){ z.p, n }, 60000, &conf);
		passed += !strstr(str_z(&got), "exit 65\n") || strstr(str_z(&got), "\nend\n");
	}
	tap(passed == 0, "each of %zu cuts is an error", z.n - 2);
	str_free(&got);
}

static void test_flips(struct sl z)
{
	const struct rd_conf conf = { 0 };
	struct str got = { 0 }, s = { 0 };
	int wrong = 0, same = 0;

	str_add(&s, z);
	for (size_t bit = 0; bit < z.n * 8; bit++) {
		s.p[bit / 8] = (char)(s.p[bit / 8] ^ (1 << bit % 8));
		str_clear(&got);
		render(&got, str_sl(&s), 60000, &conf);
		/* flags, time and system in the header are not checked by anything: the text is */
		if (strcmp(str_z(&got), whole) == 0)
			same++;
		else
			wrong +=
				!strstr(str_z(&got), "exit 65\n") || strstr(str_z(&got), "\nend\n");
		s.p[bit / 8] = (char)(s.p[bit / 8] ^ (1 << bit % 8));
	}
	tap(wrong == 0, "%zu flipped bits: %d do not matter, the others are errors", z.n * 8, same);
	str_free(&s);
	str_free(&got);
}

int main(void)
{
	struct str z = compress(SL("a,b\n1,x\n2,\n"), 6);

	test_whole(str_sl(&z));
	test_garbage(str_sl(&z));
	test_cuts(str_sl(&z));
	test_flips(str_sl(&z));
	str_free(&z);
	return tap_done();
}
