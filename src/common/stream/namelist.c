#include "stream/namelist.h"

#include "core/msg.h"
#include "stream/in.h"
#include "stream/json.h"

#define MAX_FILE ((size_t)64 << 20)

static struct sl trim_end(struct sl s)
{
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

void namelist_read(const char *path, const char *member, struct names *names)
{
	struct in *in = in_open(path, MAX_FILE);
	struct arena arena = { 0 };
	struct sl all;

	while (in_more(in))
		continue;
	all = in_window(in);
	for (size_t no = 1; all.n > 0; no++) {
		const char *nl = memchr(all.p, '\n', all.n), *why;
		struct sl line = { all.p, nl ? (size_t)(nl - all.p) : all.n };
		size_t skip = line.n + (nl != NULL), at;

		all = (struct sl){ all.p + skip, all.n - skip };
		line = trim_end(line);
		if (line.n && line.p[0] == '{') {
			struct json *o = json_parse(&arena, line, &why, &at);

			if (!o || !json_get_str(o, member, &line))
				die(EX_DATA, "%s:%zu: not an object with a text member \"%s\"",
				    path, no, member);
		}
		if (line.n)
			(void)names_add(names, line, NULL);
	}
	arena_free(&arena);
	in_close(in);
}
