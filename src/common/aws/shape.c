#include "aws/shape.h"

#include "aws/xml.h"

enum kind { ANYTHING, NOTHING, OBJECT, DOCUMENT };

/*
 * members: of an OBJECT, each with the byte that its value begins with; a space before it: it may
 * be left out. An object that has members, but none of these, answers something else. The root of
 * a DOCUMENT. NOTHING is an empty body or {}.
 */
static const struct shape {
	const char *operation;
	enum kind kind;
	const char *members[3];
} shapes[] = {
	{"BatchWriteRecord", OBJECT, {"[Errors", "[UnprocessedEntries"}},
	{"PutRecord", NOTHING, {0}},
	{"DeleteRecord", NOTHING, {0}},
	{"GetRecord", OBJECT, {" [Record", " \"ExpiresAt"}},
	{"BatchGetRecord", OBJECT, {"[Records", " [Errors", " [UnprocessedIdentifiers"}},
	{"ListRecords", OBJECT, {"[RecordIdentifiers"}},
	{"CreateFeatureGroup", OBJECT, {"\"FeatureGroupArn"}},
	{"DescribeFeatureGroup", OBJECT, {"\"FeatureGroupName", "[FeatureDefinitions"}},
	{"ListFeatureGroups", OBJECT, {"[FeatureGroupSummaries"}},
	{"UpdateFeatureGroup", OBJECT, {"\"FeatureGroupArn"}},
	{"DeleteFeatureGroup", NOTHING, {0}},
	{"DescribeFeatureMetadata", OBJECT, {"\"FeatureName"}},
	{"UpdateFeatureMetadata", NOTHING, {0}},
	{"AddTags", OBJECT, {" [Tags"}},
	{"ListTags", OBJECT, {" [Tags", " \"NextToken"}},
	{"StartQueryExecution", OBJECT, {"\"QueryExecutionId"}},
	{"GetQueryExecution", OBJECT, {"{QueryExecution"}},
	{"StopQueryExecution", NOTHING, {0}},
	{"GetQueryRuntimeStatistics", OBJECT, {"{QueryRuntimeStatistics"}},
	{"GetWorkGroup", OBJECT, {"{WorkGroup"}},
	{"DeleteTable", NOTHING, {0}},
	{"GetObject", ANYTHING, {0}},
	{"HeadObject", NOTHING, {0}},
	{"PutObject", NOTHING, {0}},
	{"CopyObject", DOCUMENT, {"CopyObjectResult"}},
	{"ListObjectsV2", DOCUMENT, {"ListBucketResult"}},
	{"DeleteObject", NOTHING, {0}},
	{"DeleteObjects", DOCUMENT, {"DeleteResult"}},
};

static const struct shape *find(const char *operation)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if (strcmp(shapes[i].operation, operation) == 0)
			return &shapes[i];
	bug("nobody knows what an answer to %s looks like", operation);
}

static void skip_blanks(struct sl *s)
{
	while (s->n && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		*s = (struct sl){s->p + 1, s->n - 1};
}

static char next(struct sl *s)
{
	char c = s->n ? *s->p : '\0';

	if (s->n)
		*s = (struct sl){s->p + 1, s->n - 1};
	return c;
}

/* The text behind an opening quote, escapes as they are; false when it does not end. */
static bool string(struct sl *rest, struct sl *text)
{
	text->p = rest->p;
	for (char c = next(rest); c; c = next(rest)) {
		if (c == '\\')
			(void)next(rest);
		if (c == '"') {
			text->n = (size_t)(rest->p - text->p) - 1;
			return true;
		}
	}
	return false;
}

/* One bit for each of the members that is there and begins as it should. */
static unsigned member(const struct shape *s, struct sl name, char begins)
{
	for (size_t i = 0; i < ARRAY_LEN(s->members) && s->members[i]; i++) {
		const char *m = s->members[i];
		bool may_lack = *m == ' ';

		m += may_lack;
		if (sl_eq_str(name, m + 1) && (*m == begins || (may_lack && begins == 'n')))
			return 1u << i;
	}
	return 0;
}

/* Goes over an object once: *n of its own members are counted. False when it is none. */
static bool walk(const struct shape *s, struct sl rest, unsigned *found, size_t *n)
{
	struct sl text = SL(""), behind;
	int depth = 0;

	do {
		char c = next(&rest);

		depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
		if (c == '\0' || (c == '"' && !string(&rest, &text)))
			return false;
		behind = rest;
		skip_blanks(&behind);
		if (c != '"' || depth != 1 || next(&behind) != ':')
			continue;
		skip_blanks(&behind);
		*found |= member(s, text, next(&behind));
		++*n;
	} while (depth > 0);
	skip_blanks(&rest);
	return rest.n == 0;
}

static const char *object_misfit(const struct shape *s, struct sl body)
{
	unsigned found = 0;
	size_t n = 0;

	skip_blanks(&body);
	if (body.n == 0)
		return s->kind == NOTHING ? NULL : "its body is empty";
	if (*body.p != '{' || !walk(s, body, &found, &n))
		return "its body is no JSON object";
	for (size_t i = 0; i < ARRAY_LEN(s->members) && s->members[i]; i++)
		if (s->members[i][0] != ' ' && !(found & 1u << i))
			return "it has not what such an answer has";
	return n && !found ? "it answers another request" : NULL;
}

static const char *document_misfit(const struct shape *s, struct sl body)
{
	AUTO_ARENA mem = {0};
	const struct xml *doc = xml_parse(body, &mem);

	return !doc ? "its body is no whole document" :
		strcmp(doc->name, s->members[0]) != 0 ? "it is another document" : NULL;
}

const char *shape_misfit(const char *operation, struct sl body)
{
	const struct shape *s = find(operation);

	switch (s->kind) {
	case ANYTHING:
		return NULL;
	case NOTHING:
	case OBJECT:
		return object_misfit(s, body);
	case DOCUMENT:
		return document_misfit(s, body);
	}
	return NULL;
}
