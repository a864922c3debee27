#include "faults.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/num.h"
#include "uri.h"

static const char *const kind_names[FAULT_KINDS] = { "throttle", "error", "reset", "lost", "cut",
	"expired", "unprocessed", "entry-error", "odd" };

enum list { LIST_ONLY, LIST_DENY, LIST_MISSING, LISTS };
static const char *const list_names[LISTS] = { "only", "deny", "missing" };

enum number {
	NUMBER_LATENCY,
	NUMBER_RETRY_AFTER,
	NUMBER_CLOSE_EVERY,
	NUMBER_CUT_AT,
	NUMBER_WRITE_RATE,
	NUMBERS
};
static const char *const number_names[NUMBERS] = { "latency", "retry-after", "close-every",
	"cut-at", "write-rate" };

static struct {
	double percent[FAULT_KINDS];
	char *list[LISTS];
	uint64_t number[NUMBERS];
	uint64_t random, answers;
	bool cut_at_set;
	double tokens;   /* records that may be written now, see "write-rate" */
	int64_t refilled; /* clock_monotonic() */
} faults = { .random = UINT64_C(0x9e3779b97f4a7c15) };

struct counter {
	uint64_t requests, ok, throttled, failed, refused, reset, lost, cut, odd;
};

static struct {
	struct names names;
	struct counter *v;
	size_t cap;
} counters;

void faults_seed(uint64_t seed)
{
	faults.random = hash_mix(seed + 1) | 1;
}

/* xorshift64*: a fixed sequence for a seed. Uniform in [0, 100). */
static double dice(void)
{
	faults.random ^= faults.random >> 12;
	faults.random ^= faults.random << 25;
	faults.random ^= faults.random >> 27;
	return (double)((faults.random * UINT64_C(0x2545f4914f6cdd1d)) >> 11) * 0x1p-53 * 100;
}

bool fault_happens(enum fault kind)
{
	return faults.percent[kind] > 0 && dice() < faults.percent[kind];
}

/* A bucket of tokens, empty at first, that holds those of a second: quotas are per second. */
static void refill(void)
{
	double rate = (double)faults.number[NUMBER_WRITE_RATE];
	double most = rate > 25 ? rate : 25;
	int64_t now = clock_monotonic();

	faults.tokens += rate * (double)(now - faults.refilled) / CLOCK_US_PER_SEC;
	faults.tokens = faults.tokens < most ? faults.tokens : most;
	faults.refilled = now;
}

bool fault_write_allowed(void)
{
	if (!faults.number[NUMBER_WRITE_RATE])
		return true;
	refill();
	if (faults.tokens < 1)
		return false;
	faults.tokens -= 1;
	return true;
}

static bool is_write(const char *operation)
{
	return strcmp(operation, "PutRecord") == 0 || strcmp(operation, "DeleteRecord") == 0;
}

static size_t index_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return n;
}

bool faults_set(const char *name, struct sl value)
{
	size_t at = index_of(kind_names, FAULT_KINDS, name);
	double percent;

	if (at < FAULT_KINDS) {
		if (!num_double(value.n ? value : SL("0"), &percent) ||
			!(percent >= 0 && percent <= 100))
			return false;
		faults.percent[at] = percent;
		return true;
	}
	at = index_of(list_names, LISTS, name);
	if (at < LISTS) {
		mem_free(faults.list[at]);
		faults.list[at] = value.n ? mem_sldup(value) : NULL;
		return true;
	}
	at = index_of(number_names, NUMBERS, name);
	if (at == NUMBERS)
		return false;
	if (at == NUMBER_CUT_AT)
		faults.cut_at_set = value.n > 0;
	if (at == NUMBER_WRITE_RATE) {
		faults.tokens = 0;
		faults.refilled = clock_monotonic();
	}
	return num_u64(value.n ? value : SL("0"), &faults.number[at]);
}

void faults_reset(void)
{
	for (size_t i = 0; i < LISTS; i++)
		mem_free(faults.list[i]);
	memset(faults.percent, 0, sizeof faults.percent);
	memset(faults.number, 0, sizeof faults.number);
	memset(faults.list, 0, sizeof faults.list);
	faults.cut_at_set = false;
}

void faults_describe(struct str *json)
{
	for (size_t i = 0; i < FAULT_KINDS; i++) {
		put_key(json, kind_names[i]);
		str_addf(json, "%g", faults.percent[i]);
	}
	for (size_t i = 0; i < LISTS; i++)
		put_member(json, list_names[i], sl_of(faults.list[i] ? faults.list[i] : ""));
	for (size_t i = 0; i < NUMBERS; i++)
		put_memberi(json, number_names[i], (int64_t)faults.number[i]);
	str_addc(json, '}');
}

static bool listed(enum list list, const char *operation)
{
	struct sl rest = sl_of(faults.list[list] ? faults.list[list] : ""), each;

	while (uri_next(&rest, ',', &each))
		if (each.n && sl_eq_str(each, operation))
			return true;
	return false;
}

/* Faults strike what was asked for by name, or else all but the handing out of credentials. */
static bool in_scope(const struct exchange *x)
{
	if (faults.list[LIST_ONLY])
		return listed(LIST_ONLY, x->operation);
	return strcmp(x->service, "sts") != 0;
}

static bool throttle(struct exchange *x)
{
	if (faults.number[NUMBER_RETRY_AFTER])
		exchange_add_headerf(x, "x-amz-retry-after", "%llu",
			(unsigned long long)faults.number[NUMBER_RETRY_AFTER]);
	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 503, "SlowDown", "Please reduce your request rate.");
	return exchange_fail(x, 400,
		x->protocol == PROTO_QUERY ? "Throttling" : "ThrottlingException", "Rate exceeded");
}

static bool server_error(struct exchange *x)
{
	bool unavailable = dice() < 50;

	if (x->protocol == PROTO_S3)
		return unavailable ? exchange_fail(x, 503, "ServiceUnavailable",
					     "Service is unable to handle request.")
				   : exchange_fail(x, 500, "InternalError",
					     "We encountered an internal error. Please try again.");
	if (strcmp(x->service, "athena") == 0)
		return exchange_fail(x, 500, "InternalServerException", "Internal server error");
	return unavailable ? exchange_fail(x, 503, "ServiceUnavailable", "Service Unavailable")
			   : exchange_fail(x, 500, "InternalFailure", "Internal Failure");
}

static bool unknown(struct exchange *x)
{
	return exchange_fail(
		x, x->protocol == PROTO_JSON ? 400 : 404, "UnknownOperationException", "%s", "");
}

static bool denied(struct exchange *x)
{
	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 403, "AccessDenied", "Access Denied");
	return exchange_fail(x, x->protocol == PROTO_JSON ? 400 : 403, "AccessDeniedException",
		"User: %.*s is not authorized to perform: %s:%s on resource: * because no "
		"identity-based policy allows the %s:%s action",
		(int)x->arn.n, x->arn.p, x->service, x->operation, x->service, x->operation);
}

bool faults_before(struct exchange *x)
{
	if (listed(LIST_MISSING, x->operation))
		return !unknown(x);
	if (listed(LIST_DENY, x->operation))
		return !denied(x);
	if (!in_scope(x))
		return false;
	if (fault_happens(FAULT_RESET)) {
		x->error = "reset";
		x->fate = FATE_RESET;
		return true;
	}
	if (fault_happens(FAULT_THROTTLE) ||
		(is_write(x->operation) && !fault_write_allowed()))
		return !throttle(x);
	if (fault_happens(FAULT_ERROR))
		return !server_error(x);
	if (exchange_header(x, "x-amz-security-token").p && fault_happens(FAULT_EXPIRED))
		return x->protocol == PROTO_S3
			       ? !exchange_fail(
					 x, 400, "ExpiredToken", "The provided token has expired.")
			       : !exchange_fail(x, x->protocol == PROTO_JSON ? 400 : 403,
					 "ExpiredTokenException",
					 "The security token included in the request is expired");
	return false;
}

/* A 200 that no such operation answers with: a page of somebody on the way, another's answer. */
static void answer_oddly(struct exchange *x)
{
	static const char *const bodies[] = { "<html><body>Sign in</body></html>", "null", "[]",
		"\"ok\"", "{\"Status\":\"OK\"}", "{\"message\":\"done\"}", "" };
	size_t n = ARRAY_LEN(bodies) - (x->out.n == 0 || x->out.n == 2); /* "" would be right */

	x->error = "odd";
	x->status = 200;
	str_clear(&x->out);
	str_addz(&x->out, bodies[(size_t)(dice() / 100 * (double)n)]);
}

void faults_after(struct exchange *x)
{
	uint64_t size = x->fd >= 0 ? x->fd_len : x->out.n;

	faults.answers++;
	if (faults.number[NUMBER_CLOSE_EVERY] &&
		faults.answers % faults.number[NUMBER_CLOSE_EVERY] == 0)
		x->close = true;
	if (in_scope(x))
		x->delay_us += (int64_t)faults.number[NUMBER_LATENCY] * 1000;
	if (!in_scope(x) || x->fate != FATE_ANSWER || x->error)
		return;
	if (x->fd < 0 && strcmp(x->method, "HEAD") != 0 && fault_happens(FAULT_ODD)) {
		answer_oddly(x);
	} else if (fault_happens(FAULT_LOST)) {
		x->error = "lost";
		x->fate = FATE_RESET;
	} else if (size && strcmp(x->method, "HEAD") != 0 && fault_happens(FAULT_CUT)) {
		x->cut_at = faults.cut_at_set ? faults.number[NUMBER_CUT_AT]
					      : (uint64_t)(dice() / 100 * (double)size);
		if (x->cut_at < size) {
			x->error = "cut";
			x->fate = FATE_CUT;
		}
	}
}

static bool is_throttle(const char *code)
{
	return strcmp(code, "ThrottlingException") == 0 || strcmp(code, "SlowDown") == 0 ||
	       strcmp(code, "Throttling") == 0;
}

void counters_add(const struct exchange *x)
{
	bool added;
	size_t at =
		names_add(&counters.names, sl_of(x->operation ? x->operation : "unknown"), &added);
	struct counter *c;

	if (added) {
		mem_grow(&counters.v, &counters.cap, at + 1, sizeof *counters.v);
		counters.v[at] = (struct counter){ 0 };
	}
	c = &counters.v[at];
	c->requests++;
	c->ok += !x->error;
	if (!x->error)
		return;
	if (strcmp(x->error, "odd") == 0)
		c->odd++;
	else if (strcmp(x->error, "reset") == 0)
		c->reset++;
	else if (strcmp(x->error, "lost") == 0)
		c->lost++;
	else if (strcmp(x->error, "cut") == 0)
		c->cut++;
	else if (is_throttle(x->error))
		c->throttled++;
	else if (x->status >= 500)
		c->failed++;
	else
		c->refused++;
}

void counters_reset(void)
{
	names_clear(&counters.names);
}

void counters_describe(struct str *json)
{
	if (counters.names.n == 0)
		str_addc(json, '{');
	for (size_t i = 0; i < counters.names.n; i++) {
		const struct counter *c = &counters.v[i];

		str_addz(json, i ? "," : "{");
		str_add_json(json, counters.names.name[i]);
		str_addf(json,
			":{\"requests\":%llu,\"ok\":%llu,\"throttled\":%llu,\"failed\":%llu,"
			"\"refused\":%llu,\"reset\":%llu,\"lost\":%llu,\"cut\":%llu,\"odd\":%llu}",
			(unsigned long long)c->requests, (unsigned long long)c->ok,
			(unsigned long long)c->throttled, (unsigned long long)c->failed,
			(unsigned long long)c->refused, (unsigned long long)c->reset,
			(unsigned long long)c->lost, (unsigned long long)c->cut,
			(unsigned long long)c->odd);
	}
	str_addz(json, "}\n");
}
