/*
 * wr.h - records out: the counterpart of rd.h.
 *
 * Order of calls: wr_open, wr_cols (once or more), wr_row…, wr_seal per chunk, wr_close. Write
 * errors end the program. While a sealed writer is open, die() anywhere sends an abort record.
 */
#pragma once

#include "stream/rd.h"

struct wr_conf {
	enum format format; /* not FMT_AUTO; format_is_document() is not sealed */
	bool sealed;
	int gzip, zstd;	    /* levels, 0 = none; not both */
	bool bare;	    /* CSV without a header, whose rows may get wider: for scratch files */
	const struct iso_opts *iso; /* for FMT_ISO; may be NULL */
};

struct wr;

/* `path` "-" or NULL: standard output. */
struct wr *wr_open(const char *path, const struct wr_conf *conf) NODISCARD;
struct wr *wr_from_fd(int fd, const char *name, const struct wr_conf *conf) NODISCARD;

/*
 * Names the columns, all of them; a later call may only add at the end. Sealed CSV announces the
 * new list by a control record; in unsealed CSV a later call with more columns ends the program
 * with 65, because a header cannot be changed any more. The names are copied.
 */
void wr_cols(struct wr *w, const struct sl *names, size_t n);

/* A chunk begins, with what rd_chunk() gave. Also before wr_cols(); nothing where unsealed. */
void wr_begin(struct wr *w, struct sl facts);

/* One record, n fields in the order of the columns; missing ones at the end are absent. */
void wr_row(struct wr *w, const struct field *f, size_t n);

/*
 * Copies the rest of a file, from where `fd` stands, which holds `rows` records just as this
 * writer would write them (a bare one of the same columns did). Unsealed only.
 */
void wr_copy(struct wr *w, int fd, uint64_t rows);

/*
 * A writer whose rows stay in memory (no header, not sealed): wr_waiting() is their text, which
 * wr_forget() empties.
 */
struct wr *wr_to_memory(enum format format, const struct sl *names, size_t n) NODISCARD;
struct sl wr_waiting(const struct wr *w);
void wr_forget(struct wr *w);

/*
 * The same for another thread, of the columns that `w` has now: wr_join() adds its rows to `w` as
 * if they had been written there, and returns how many. One thread at a time may join; the order of
 * rows between sides is that of joining.
 */
struct wr *wr_side(const struct wr *w) NODISCARD;
uint64_t wr_join(struct wr *w, struct wr *side);

/*
 * For unsealed CSV into a regular file: may what was written still be taken back? wr_take_back()
 * does it: the rows go to `fd`, where it stands, just as a bare writer writes them; the writer is
 * then as when it was opened. Returns how many bytes the rows have. Dies with 74.
 */
bool wr_can_take_back(const struct wr *w);
uint64_t wr_take_back(struct wr *w, int fd);

/*
 * Closes a chunk: rows, bytes and crc are filled in here, the rest is the caller's. Everything is
 * handed to the kernel. Without effect on an unsealed writer.
 */
void wr_seal(struct wr *w, const struct seal *seal);

bool wr_is_sealed(const struct wr *w);
enum format wr_format(const struct wr *w);
char wr_delimiter(const struct wr *w); /* of CSV */
uint64_t wr_rows(const struct wr *w); /* data records since wr_open() */
uint64_t wr_bytes(const struct wr *w);
void wr_flush(struct wr *w);
void wr_check(const struct wr *w); /* ends the program when the reader of a pipe has gone */
void wr_close(struct wr *w);
