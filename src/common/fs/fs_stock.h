/*
 * fs_stock.h - what objects there are in a place of S3: by kind and storage class with its price,
 * by the month they came, and the newest.
 */
#pragma once

#include "core/hash.h"
#include "core/report.h"
#include "fs/fs_offline.h"

#define FS_STOCK_NEWEST 10

/* A zeroed one with its price is empty. */
struct fs_stock {
	double price; /* US dollars a GiB and month of class STANDARD */
	struct arena mem;
	struct names kinds, months; /* "parquet STANDARD", "2024-10" */
	struct fs_size *kind, *month;
	size_t cap_kinds, cap_months;
	struct s3_object newest[FS_STOCK_NEWEST]; /* the newest first */
	size_t n_newest;
};

/* Counts an object in; the price of it a month is returned. */
double fs_stock_add(struct fs_stock *s, const struct s3_object *o);

/* Appends the tables that follow that of the sizes: kinds, months, newest files. */
void fs_stock_put(const struct fs_stock *s, enum report_format format, struct str *out);
/* The growth by month alone. */
void fs_stock_months(const struct fs_stock *s, enum report_format format, struct str *out);
void fs_stock_free(struct fs_stock *s);
