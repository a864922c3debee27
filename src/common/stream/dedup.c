#include "stream/dedup.h"

#include "core/fd.h"
#include "core/keyset.h"
#include "core/spool.h"
#include "core/tmpf.h"

#include <errno.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 13) /* entries read or written at once */
#define BITS_SHARE 16           /* bits of records held take at most this part of the memory */

/* What is known of a record that is, or was, held. */
struct entry {
	struct hash128 key;
	int64_t time;
};

/* All of them, in the order they came, in a scratch file. */
struct log {
	int fd;
	bool filed;
	uint64_t n; /* entries, the last of which may still be in `block` */
	struct entry *block;
	size_t in_block;
};

struct dedup {
	bool newest, holding;
	uint64_t memory;
	struct keyset keys; /* to keep the first: those that have passed */
	struct log log;
	uint64_t settled; /* entries of the log that earlier settling dealt with */
	struct spool held;
	unsigned char *passes; /* a bit for each record held */
	uint64_t at;           /* dedup_next(): number of the next record held */
	uint64_t dropped, peak;
	struct str packed;
	struct field *fields;
	size_t fields_cap;
};

struct dedup *dedup_new(bool newest, uint64_t memory)
{
	struct dedup *d = mem_zalloc(sizeof *d);

	d->newest = d->holding = newest;
	d->memory = memory;
	keyset_init(&d->keys, newest);
	return d;
}

/* ---- the log of keys ------------------------------------------------------------------------ */

static void flush_block(struct log *log)
{
	struct sl s = { (const char *)log->block, log->in_block * sizeof *log->block };

	if (!log->filed)
		log->fd = tmpf_scratch();
	log->filed = true;
	if (!fd_write_at(log->fd, s, (off_t)(log->n * sizeof *log->block - s.n)))
		die_errno(EX_IO, "cannot write to the scratch file");
	log->in_block = 0;
}

static void log_add(struct log *log, const struct entry *e)
{
	if (!log->block)
		log->block = mem_alloc(BLOCK * sizeof *log->block);
	log->block[log->in_block++] = *e;
	log->n++;
	if (log->in_block == BLOCK)
		flush_block(log);
}

/* Entries `from` to `from` + n of the log, into the block (which must have been flushed). */
static void log_read(struct log *log, uint64_t from, size_t n)
{
	size_t size = sizeof *log->block;

	if (fd_read_at(log->fd, (char *)log->block, n * size, (off_t)(from * size)))
		return;
	if (errno == 0)
		bug("the scratch file is shorter than what was written");
	die_errno(EX_IO, "cannot read the scratch file");
}

/* ---- settling ------------------------------------------------------------------------------- */

/* One of the `of` passes that a settling takes; a pass deals with its share of the keys. */
struct pass {
	uint64_t which, of;
	bool backward;
	void (*each)(struct dedup *d, const struct entry *e, uint64_t number);
};

static void look_at(struct dedup *d, const struct pass *p, size_t i, uint64_t from)
{
	const struct entry *e = &d->log.block[i];

	if (p->of == 1 || e->key.hi / KEYSET_TABLES % p->of == p->which)
		p->each(d, e, from + i);
}

/* Shows every entry of the log in turn, from the first or from the last one on. */
static void scan(struct dedup *d, const struct pass *p)
{
	uint64_t n = d->log.n;

	for (uint64_t done = 0; done < n; done += BLOCK) {
		size_t size = n - done < BLOCK ? (size_t)(n - done) : BLOCK;
		uint64_t from = p->backward ? n - done - size : done;

		log_read(&d->log, from, size);
		for (size_t i = 0; i < size; i++)
			look_at(d, p, p->backward ? size - 1 - i : i, from);
	}
}

/* Of those dealt with before nothing passes again. */
static void let_pass(struct dedup *d, uint64_t number)
{
	if (number >= d->settled)
		d->passes[(number - d->settled) / 8] |=
			(unsigned char)(1 << (number - d->settled) % 8);
}

static void first_of_key(struct dedup *d, const struct entry *e, uint64_t number)
{
	if (keyset_add(&d->keys, e->key))
		let_pass(d, number);
}

static void find_newest(struct dedup *d, const struct entry *e, uint64_t number UNUSED)
{
	bool added;
	int64_t *time = keyset_value(&d->keys, e->key, &added);

	if (added || e->time > *time)
		*time = e->time;
}

/* Backward: the last one of the newest time is it; the key is done then. */
static void last_of_newest(struct dedup *d, const struct entry *e, uint64_t number)
{
	bool added;
	int64_t *time = keyset_value(&d->keys, e->key, &added);

	if (e->time != *time)
		return;
	let_pass(d, number);
	*time = INT64_MIN; /* no entry has it, see dedup_put() */
}

static uint64_t passes_needed(const struct dedup *d)
{
	uint64_t half = d->memory / 2, n = d->log.n;

	if (!d->memory)
		return 1;
	return n / (half / KEYSET_MAX_BYTES + 1) + 1;
}

void dedup_settle(struct dedup *d)
{
	uint64_t count = d->log.n - d->settled, bytes;
	struct pass p = { .of = passes_needed(d) };
	struct keyset before = d->keys;

	d->at = 0;
	if (!count)
		return;
	flush_block(&d->log);
	d->passes = mem_zalloc((size_t)(count / 8) + 1);
	keyset_init(&d->keys, d->newest);
	for (p.which = 0; p.which < p.of; p.which++) {
		p.backward = false;
		p.each = d->newest ? find_newest : first_of_key;
		scan(d, &p);
		if (d->newest) {
			p.backward = true;
			p.each = last_of_newest;
			scan(d, &p);
		}
		bytes = keyset_bytes(&d->keys) + keyset_bytes(&before);
		d->peak = bytes > d->peak ? bytes : d->peak;
		keyset_clear(&d->keys);
	}
	d->keys = before;
	spool_rewind(&d->held);
}

/* ---- records -------------------------------------------------------------------------------- */

static void hold(struct dedup *d, const struct entry *e, const struct field *f, size_t n)
{
	uint32_t count = (uint32_t)n;

	log_add(&d->log, e);
	str_set(&d->packed, (struct sl){ (const char *)&count, sizeof count });
	for (size_t i = 0; i < n; i++)
		rec_pack(&d->packed, &f[i]);
	spool_put(&d->held, str_sl(&d->packed));
}

enum dedup_result dedup_put(
	struct dedup *d, struct hash128 key, int64_t time, const struct field *f, size_t n)
{
	struct entry e = { key, time == INT64_MIN ? INT64_MIN + 1 : time };

	if (!d->newest) {
		bool known = d->holding ? keyset_has(&d->keys, key) : !keyset_add(&d->keys, key);

		d->dropped += known;
		if (known)
			return DEDUP_DROP;
		if (!d->holding) {
			d->holding = d->memory && keyset_bytes(&d->keys) >= d->memory / 2;
			return DEDUP_PASS;
		}
	}
	hold(d, &e, f, n);
	return DEDUP_HELD;
}

void dedup_expect(const struct dedup *d, struct hash128 key)
{
	__builtin_prefetch(keyset_place(&d->keys, key));
}

bool dedup_is_full(const struct dedup *d)
{
	return d->memory && !d->newest && (d->log.n - d->settled) / 8 > d->memory / BITS_SHARE;
}

static void take_fields(struct dedup *d, struct sl record, struct field **f, size_t *n)
{
	const char *p = record.p;
	uint32_t count;

	memcpy(&count, p, sizeof count);
	p += sizeof count;
	mem_grow(&d->fields, &d->fields_cap, count, sizeof *d->fields);
	for (uint32_t i = 0; i < count; i++)
		p = rec_unpack(p, &d->fields[i]);
	*f = d->fields;
	*n = count;
}

bool dedup_next(struct dedup *d, struct field **f, size_t *n)
{
	struct sl record;

	while (d->passes && spool_next(&d->held, &record)) {
		bool pass = d->passes[d->at / 8] >> d->at % 8 & 1;

		d->at++;
		if (pass) {
			take_fields(d, record, f, n);
			return true;
		}
		d->dropped++;
	}
	if (d->passes) {
		spool_clear(&d->held);
		mem_free(d->passes);
		d->passes = NULL;
		d->settled = d->log.n;
	}
	return false;
}

uint64_t dedup_dropped(const struct dedup *d)
{
	return d->dropped;
}

uint64_t dedup_peak_bytes(const struct dedup *d)
{
	return d->peak > keyset_bytes(&d->keys) ? d->peak : keyset_bytes(&d->keys);
}

void dedup_free(struct dedup *d)
{
	if (!d)
		return;
	keyset_clear(&d->keys);
	if (d->log.filed)
		(void)close(d->log.fd);
	mem_free(d->log.block);
	spool_free(&d->held);
	mem_free(d->passes);
	str_free(&d->packed);
	mem_free(d->fields);
	mem_free(d);
}
