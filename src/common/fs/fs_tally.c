#include "fs/fs_tally.h"

#include "core/msg.h"
#include "core/stats.h"
#include "core/tr.h"

static void put_more(struct str *s, uint64_t n, const char *what)
{
	if (n)
		str_addf(s, tr(", %llu %s"), (unsigned long long)n, tr(what));
}

void fs_tally_put(const struct fs_tally *t, struct str *s)
{
	str_addf(s, tr("%llu records: %llu acknowledged, %llu rejected, %llu unknown"),
		(unsigned long long)t->records, (unsigned long long)t->acknowledged,
		(unsigned long long)t->rejected, (unsigned long long)t->unknown);
	put_more(s, t->skipped, N_("acknowledged by an earlier run"));
	put_more(s, t->there, N_("there already"));
	put_more(s, fs_tally_rest(t), N_("not sent"));
}

bool fs_tally_write(const struct fs_tally *t, const char *path, struct sl group, uint64_t resent,
	uint64_t requests, double seconds)
{
	AUTO_STR s = { 0 };

	str_addz(&s, "{\"program\":\"fs-put\",\"version\":\"" FERRY_VERSION "\",\"group\":");
	str_add_json(&s, group);
	str_addf(&s,
		",\"records\":%llu,\"acknowledged\":%llu,\"rejected\":%llu,\"unknown\":%llu,"
		"\"skipped\":%llu,\"there\":%llu,\"resent\":%llu,\"expired\":%llu,"
		"\"future\":%llu,\"older\":%llu,\"requests\":%llu,\"write_units\":%llu,"
		"\"seconds\":%.3f",
		(unsigned long long)t->records, (unsigned long long)t->acknowledged,
		(unsigned long long)t->rejected, (unsigned long long)t->unknown,
		(unsigned long long)t->skipped, (unsigned long long)t->there,
		(unsigned long long)resent,
		(unsigned long long)t->expired, (unsigned long long)t->future,
		(unsigned long long)t->older, (unsigned long long)requests,
		(unsigned long long)t->write_units, seconds);
	if (t->error) {
		str_addf(&s, ",\"exit\":%d,\"reason\":\"%s\",\"error\":", t->exit,
			msg_reason(t->exit));
		str_add_json(&s, sl_of(t->error));
	}
	str_addz(&s, "}\n");
	return stats_write(path, str_sl(&s));
}
