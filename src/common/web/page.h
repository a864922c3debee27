/*
 * page.h - what is to be seen of the ledger, as HTML: made of job.html, jobs.html and shell.html
 * beside this file, with what job.queries asks. All texts of data are escaped.
 */
#pragma once

#include "ledger/ledger.h"

/* Parts of a page: its sections from 0 on, and what programs read of a job. */
enum { PAGE_SECTIONS = 14, PAGE_METRICS = PAGE_SECTIONS, PAGE_JSON, PAGE_PARTS };

/* Takes a part as it is at one moment; the text lives during the call. */
typedef void page_fn(void *ctx, unsigned part, struct sl text);

/* The parts of a job, or (NULL) the sections of the page of all jobs: one state of the ledger. */
void page_parts(struct pg *target, const struct ledger_job *job, page_fn *put, void *ctx);

/* Appends the page around the sections: with its script, or as a file that needs nothing else. */
void page_whole(struct str *out, bool live, struct sl title, struct sl sections);

/* What a browser may do with a live page: a Content-Security-Policy. */
#define PAGE_POLICY "default-src 'none'; base-uri 'none'; style-src 'sha256-%s'"
void page_policy(struct str *out, bool live);
