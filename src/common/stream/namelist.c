#include "stream/namelist.h"

#include "core/msg.h"
#include "core/utf8.h"
#include "stream/in.h"
#include "stream/json.h"

#define MAX_FILE ((size_t)64 << 20)

static struct sl trim_end(struct sl s)
{
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* Is it a package: `{"Package"`, spaced in any way? No line of NDJSON begins like that. */
static bool is_package(struct sl s)
{
	static const char *const begin[] = { "{", "\"Package\"" };

	for (size_t i = 0; i < ARRAY_LEN(begin); i++) {
		size_t n = strlen(begin[i]);

		while (s.n && memchr(" \t\r\n", s.p[0], 4))
			s = (struct sl){ s.p + 1, s.n - 1 };
		if (s.n < n || memcmp(s.p, begin[i], n) != 0)
			return false;
		s = (struct sl){ s.p + n, s.n - n };
	}
	return true;
}

static void take_package(const char *path, struct sl all, struct names *names)
{
	struct arena arena = { 0 };
	const char *why;
	size_t at;
	const struct json *package = json_parse(&arena, all, &why, &at);
	const struct json *list = json_get(json_get(package, "Package"), "DataChannelList");

	if (!package)
		die(EX_DATA, "%s: byte %zu: %s", path, at + 1, why);
	list = json_get(list, "DataChannel");
	if (!list || list->kind != J_ARR)
		die(EX_DATA, "%s: the package has no DataChannelList", path);
	for (const struct json *c = list->child; c; c = c->next) {
		struct sl id;

		if (!json_get_str(json_get(c, "DataChannelID"), "LocalID", &id) || id.n == 0)
			die(EX_DATA, "%s: a DataChannel has no LocalID", path);
		(void)names_add(names, id, NULL);
	}
	arena_free(&arena);
}

static void check_text(const char *path, size_t no, struct sl line)
{
	size_t at = utf8_valid_to(line.p, line.n);
	const char *nul = memchr(line.p, 0, line.n);

	if (at < line.n)
		die(EX_DATA, "%s:%zu:%zu: not valid UTF-8", path, no, at + 1);
	if (nul)
		die(EX_DATA, "%s:%zu:%zu: NUL byte", path, no, (size_t)(nul - line.p) + 1);
}

void namelist_read(const char *path, struct names *names)
{
	struct in *in = in_open(path, MAX_FILE);
	struct arena arena = { 0 };
	struct sl all;

	while (in_more(in))
		continue;
	all = in_window(in);
	if (all.n >= 3 && memcmp(all.p, "\xef\xbb\xbf", 3) == 0)
		all = (struct sl){ all.p + 3, all.n - 3 };
	if (is_package(all)) {
		take_package(path, all, names);
		all.n = 0;
	}
	for (size_t no = 1; all.n > 0; no++) {
		const char *nl = memchr(all.p, '\n', all.n), *why;
		struct sl line = { all.p, nl ? (size_t)(nl - all.p) : all.n };
		size_t skip = line.n + (nl != NULL), at;

		all = (struct sl){ all.p + skip, all.n - skip };
		line = trim_end(line);
		check_text(path, no, line);
		if (line.n && line.p[0] == '{') {
			struct json *o = json_parse(&arena, line, &why, &at);

			if (!o || (!json_get_str(o, "data_channel_id", &line) &&
				   !json_get_str(o, "channel", &line)))
				die(EX_DATA,
				    "%s:%zu: not an object with a text member "
				    "\"data_channel_id\"",
				    path, no);
		}
		if (line.n)
			(void)names_add(names, line, NULL);
	}
	arena_free(&arena);
	in_close(in);
}
