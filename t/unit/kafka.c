/*
 * kafka-dump --from TIME: what Kafka is asked, and what its answer means. The mock cluster of the
 * other tests has no offsets by time.
 */
#include "core/clock.h"
#include "kafka/kafka.h"

#include "tap.h"

static void test_times(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} times[] = {
		{ "1970-01-01", 0 },
		{ "2024-01-01 00:00:15.25", INT64_C(1704067215250) },
		{ "2024-01-01 09:00:15.25+09", INT64_C(1704067215250) },
		{ "@1704067215", INT64_C(1704067215000) },
		/* a message of 250 ms is before that */
		{ "2024-01-01 00:00:15.250001", INT64_C(1704067215251) },
		{ "1969-12-31 23:59:59.9995", 0 },
		{ "0001-01-01", 0 },
	};
	int64_t at;

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		tap(clock_parse_when(sl_of(times[i].text), &at) && kafka_time(at) == times[i].ms,
			"asks for %s", times[i].text);
}

static void test_offsets(void)
{
	static const struct {
		int64_t found, low, high, offset;
	} answers[] = {
		{ 17, 10, 20, 17 },
		{ 10, 10, 20, 10 },
		{ 20, 10, 20, 20 },
		{ -1, 10, 20, 20 }, /* no message is so late */
		{ -1, 0, 0, 0 },
		{ 7, 10, 20, 10 }, /* it was deleted meanwhile */
		{ 23, 10, 20, 20 }, /* it came after its end was asked for */
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		tap(kafka_offset(answers[i].found, answers[i].low, answers[i].high) ==
				answers[i].offset,
			"begins at %lld", (long long)answers[i].offset);
}

int main(void)
{
	test_times();
	test_offsets();
	return tap_done();
}
