/* What lies in a place of S3: kinds, classes and their prices, months, the newest. */
#include "fs/fs_stock.h"
#include "core/clock.h"

#include "tap.h"

static void add(struct fs_stock *s, const char *key, uint64_t mib, const char *day,
	const char *class, double usd)
{
	struct s3_object o = {.key = sl_of(key), .size = mib << 20, .class = sl_of(class)};
	double got;

	if (!clock_parse(sl_of(day), &o.modified))
		bug("not a time");
	got = fs_stock_add(s, &o);
	tap(got > usd - 1e-9 && got < usd + 1e-9, "%s of class %s: %.6f", key, class, got);
}

int main(void)
{
	struct fs_stock s = {.price = 0.025};
	struct str text = {0};
	char key[40];

	add(&s, "a/x.parquet", 1024, "2024-10-02T00:00:00Z", "STANDARD", 0.025);
	add(&s, "a/y.parquet", 2048, "2024-12-02T00:00:00Z", "", 0.05);
	add(&s, "a/z.parquet", 1024, "2024-10-03T00:00:00Z", "GLACIER", 0.0045);
	add(&s, "a.b/manifest", 512, "2024-11-01T00:00:00Z", "STANDARD_IA", 0.0069);
	fs_stock_put(&s, REPORT_CSV, &text);
	tap_same(str_sl(&text),
		SL("\nType,StorageClass,Files,Bytes,GiB,USDPerMonth,USDPerYear\n"
		   "parquet,STANDARD,2,3221225472,3.000,0.0750,0.9000\n"
		   "parquet,GLACIER,1,1073741824,1.000,0.0045,0.0540\n"
		   "other,STANDARD_IA,1,536870912,0.500,0.0069,0.0828\n"
		   "\nMonth,Files,Bytes,TotalBytes\n"
		   "2024-10,2,2147483648,2147483648\n"
		   "2024-11,1,536870912,2684354560\n"
		   "2024-12,1,2147483648,4831838208\n"
		   "\nNewestFiles,Bytes,Modified\n"
		   "a/y.parquet,2147483648,2024-12-02 00:00:00\n"
		   "a.b/manifest,536870912,2024-11-01 00:00:00\n"
		   "a/z.parquet,1073741824,2024-10-03 00:00:00\n"
		   "a/x.parquet,1073741824,2024-10-02 00:00:00\n"),
		"three tables");
	for (int i = 1; i <= 28; i++) {
		char day[32];

		snprintf(key, sizeof key, "new/%d.csv", i);
		snprintf(day, sizeof day, "2025-02-%02dT00:00:00Z", i * 5 % 29);
		add(&s, key, 0, day, "STANDARD", 0);
	}
	tap(s.n_newest == FS_STOCK_NEWEST, "no more than ten are the newest");
	for (size_t i = 1; i < s.n_newest; i++)
		tap(s.newest[i - 1].modified > s.newest[i].modified, "the newest first");
	fs_stock_free(&s);
	str_free(&text);
	return tap_done();
}
