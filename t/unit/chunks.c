/*
 * A sealed stream of several chunks, for tests that need one without a database.
 *
 *	chunks N csv|ndjson [FACTS] <FILE	a seal behind every N records, named 1, 2, 3 …
 *	chunks				TAP: what it writes is read as chunks
 */
#include "core/num.h"
#include "render.h"
#include "stream.h"

static void write_chunks(struct rd *rd, struct wr *w, uint64_t every, struct sl facts)
{
	struct seal seal = { .src = facts };
	uint64_t rows = 0, chunk = 0;
	enum rd_event ev;
	struct rec rec;
	char name[20];

	do {
		ev = rd_next(rd, &rec);
		if (ev == RD_COLS)
			wr_cols(w, rd_cols(rd)->name, rd_cols(rd)->n);
		else if (ev == RD_ROW)
			wr_row(w, rec.f, rec.n);
		rows += ev == RD_ROW;
		if (ev == RD_END || (ev == RD_ROW && rows % every == 0)) {
			seal.final = ev == RD_END;
			seal.chunk = (struct sl){ name, num_put_u64(name, ++chunk) };
			wr_seal(w, &seal);
		}
	} while (ev != RD_END);
	wr_close(w);
	rd_close(rd);
}

static void from_text(struct wr *w)
{
	static const char text[] = "a,b\n1,x\n2,y\n3,z\n";
	const struct rd_conf conf = { 0 };
	int fd = memfd_create("text", 0);

	if (write(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		exit(99);
	write_chunks(rd_from_fd(fd, "text", &conf), w, 2, SL("{\"rows\":3}"));
}

int main(int argc, char **argv)
{
	struct wr_conf wc = { .format = FMT_CSV, .sealed = true };
	const struct rd_conf conf = { 0 };
	struct str s;
	uint64_t n;

	if (argc > 2) {
		if (!num_u64(sl_of(argv[1]), &n) || n == 0)
			return 64;
		wc.format = strcmp(argv[2], "ndjson") ? FMT_CSV : FMT_NDJSON;
		write_chunks(rd_open("-", &conf), wr_open("-", &wc), n,
			argc > 3 ? sl_of(argv[3]) : SL(""));
		return 0;
	}
	s = written_by(from_text, &wc);
	check_render("chunks of two records", str_sl(&s), &conf,
		"cols \"a\" \"b\"\nrow 1:2 \"1\" \"x\"\nrow 2:3 \"2\" \"y\"\nseal \"1\" rows 2\n"
		"row 3:5 \"3\" \"z\"\nseal \"2\" rows 1 final\nend sealed\n");
	str_free(&s);
	return tap_done();
}
