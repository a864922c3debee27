/*
 * Packages of ISO 19848: the same records however the bytes arrive; they come back from a sealed
 * CSV, and narrow ones from a package that is written of them.
 */
#include "records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in);
	const struct iso_opts iso = { .shape = on & 1 ? ISO_WIDE : ISO_NARROW,
		.ship = on & 2 ? "S" : NULL };
	struct reading r = { .in = in, .conf = { .format = FMT_ISO, .iso = &iso } };

	check_pieces(&r);
	if (r.code == 0 && !r.bad && r.cols) {
		if (!r.nameless)
			check_there_and_back(&r, FMT_CSV, true, false);
		/* a list of channels, which has no values, cannot be written */
		if (on == 2 && r.rows && strstr(str_z(&r.log), "vdata_channel_id\x1fvvalue\x1f"))
			check_there_and_back(&r, FMT_ISO, false, false);
	}
	reading_free(&r);
	return 0;
}
