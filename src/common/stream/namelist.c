#include "stream/namelist.h"

#include "core/opt.h"
#include "core/utf8.h"
#include "stream/in.h"
#include "stream/json.h"

#define MAX_FILE ((size_t)64 << 20)

static struct sl trim_end(struct sl s, const char *blanks)
{
	while (s.n && memchr(blanks, s.p[s.n - 1], strlen(blanks)))
		s.n--;
	return s;
}

/* Is it a package: `{"Package"`, spaced in any way? No line of NDJSON begins like that. */
static bool is_package(struct sl s)
{
	s = sl_trim(s, " \t\r\n");
	if (s.n == 0 || *s.p != '{')
		return false;
	sl_skip(&s, 1);
	s = sl_trim(s, " \t\r\n");
	return s.n > 9 && memcmp(s.p, "\"Package\"", 9) == 0;
}

static void take_package(const char *path, struct sl all, struct names *names)
{
	AUTO_ARENA arena = { 0 };
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

void namelist_read(const char *path, struct names *names, bool exact)
{
	struct in *in = in_open(path, MAX_FILE);
	AUTO_ARENA arena = { 0 };
	struct sl all = in_whole(in), line;

	if (is_package(all)) {
		take_package(path, all, names);
		all.n = 0;
	}
	for (size_t no = 1; sl_cut(&all, '\n', &line); no++) {
		line = trim_end(line, exact ? "\r" : " \t\r");
		check_text(path, no, line);
		if (no == 1 && !exact && line.n && *line.p != '{' && memchr(line.p, ',', line.n) &&
			memmem(line.p, line.n, "data_channel_id", 15))
			die_hint(EX_DATA, "pg-narrow-schema writes NDJSON, which is taken, too",
				"%s: a list has one name a line, and this is CSV", path);
		if (line.n && line.p[0] == '{') {
			struct json *o = json_read(&arena, line);

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
	in_close(in);
}

struct sl namelist_next(const char **p, const char *ends, struct str *text, const char *option)
{
	const char *s = *p;

	if (*s != '"') {
		*p = s + strcspn(s, ends);
		return (struct sl){ s, (size_t)(*p - s) };
	}
	str_clear(text);
	for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
		s += *s == '"';
		str_addc(text, *s);
	}
	if (*s != '"' || (s[1] && !strchr(ends, s[1])))
		opt_usage("--%s: a quote is not closed: %s", option, msg_q(sl_of(*p)));
	*p = s + 1;
	return str_sl(text);
}

void namelist_split(struct names *names, const char *list, const char *option)
{
	AUTO_STR text = { 0 };

	for (const char *p = list;; p++) {
		struct sl name = namelist_next(&p, ",", &text, option);
		bool added;

		if (name.n == 0)
			opt_usage("--%s: a column needs a name", option);
		(void)names_add(names, name, &added);
		if (!added)
			opt_usage("--%s: column %s is named twice", option, msg_q(name));
		if (!*p)
			break;
	}
}

bool namelist_is_number(struct sl name, uint64_t *n)
{
	return name.n > 1 && *name.p == '#' && num_u64((struct sl){ name.p + 1, name.n - 1 }, n);
}

struct sl namelist_resolve(const struct names *cols, struct sl name)
{
	uint64_t n;
	bool is = namelist_is_number(name, &n) && n >= 1 && n <= cols->n;

	return is && names_find(cols, name) == NAMES_NONE ? cols->name[n - 1] : name;
}

void namelist_resolve_all(struct names *names, const struct names *cols)
{
	AUTO_NAMES given = *names;

	*names = (struct names){ 0 };
	for (size_t i = 0; i < given.n; i++) {
		struct sl name = namelist_resolve(cols, given.name[i]);
		bool added;

		(void)names_add(names, name, &added);
		if (!added)
			opt_usage("column %s is named twice", msg_q(name));
	}
}

void namelist_sort(struct names *names)
{
	struct names sorted = { 0 };
	AUTO_FREE struct sl *list = mem_alloc(mem_mul(names->n, sizeof *list));

	for (size_t i = 0; i < names->n; i++)
		list[i] = names->name[i];
	qsort(list, names->n, sizeof *list, sl_cmp_at);
	for (size_t i = 0; i < names->n; i++)
		(void)names_add(&sorted, list[i], NULL);
	names_free(names);
	*names = sorted;
}

/* ---- names that are taken ------------------------------------------------------------------- */

bool colname_is_taken(struct sl name, const struct sl *lead, size_t n_lead)
{
	bool marked = name.n > 0 && name.p[0] == '@';

	while (name.n > 0 && name.p[0] == '@') {
		sl_skip(&name, 1);
	}
	if (marked && sl_eq_str(name, "seal"))
		return true;
	for (size_t i = 0; i < n_lead; i++)
		if (sl_eq(name, lead[i]))
			return true;
	return false;
}

struct sl colname_of(struct sl column, const struct sl *lead, size_t n_lead)
{
	struct sl rest = { column.p + 1, column.n - 1 };

	return column.n > 1 && column.p[0] == '@' && colname_is_taken(rest, lead, n_lead) ? rest
											  : column;
}
