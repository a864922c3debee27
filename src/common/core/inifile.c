#include "core/inifile.h"

#include "core/str.h"

#include <errno.h>

#define MAX_FILE (4u << 20)

#define BLANKS " \t\r"

static void add(
	struct inifile *f, struct sl section, struct sl parent, struct sl key, struct sl value)
{
	AUTO_STR name = {0};

	mem_grow(&f->v, &f->cap, f->n + 1, sizeof *f->v);
	f->v[f->n] = (struct inifile_entry){.section = mem_sldup(section)};
	if (key.n) {
		if (parent.n) {
			str_add(&name, parent);
			str_addc(&name, '.');
		}
		str_add(&name, key);
		f->v[f->n].key = mem_sldup(str_sl(&name));
		f->v[f->n].value = mem_sldup(value);
	}
	f->n++;
}

/* `[ profile  "a b" ]` is the section `profile a b`. */
static bool section_name(struct sl line, struct str *name)
{
	struct sl in;
	bool gap = false;

	if (line.n < 3 || line.p[line.n - 1] != ']')
		return false;
	in = sl_trim((struct sl){line.p + 1, line.n - 2}, BLANKS);
	str_clear(name);
	for (size_t i = 0; i < in.n; i++) {
		if (sl_blank(in.p[i])) {
			gap = name->n > 0;
			continue;
		}
		if (in.p[i] == '"' || in.p[i] == '\'')
			continue;
		if (gap)
			str_addc(name, ' ');
		gap = false;
		str_addc(name, in.p[i]);
	}
	return name->n > 0;
}

struct place {
	struct str section;
	struct sl parent; /* key of the line above, for lines that are indented */
};

static bool parse_line(struct inifile *f, struct place *at, struct sl raw)
{
	bool indented = raw.n && sl_blank(raw.p[0]);
	struct sl line = sl_trim(raw, BLANKS), key, value;
	size_t i;

	if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
		return true;
	if (line.p[0] == '[' && !indented) {
		at->parent = SL("");
		if (!section_name(line, &at->section))
			return false;
		add(f, str_sl(&at->section), SL(""), SL(""), SL(""));
		return true;
	}
	for (i = 0; i < line.n && line.p[i] != '=' && line.p[i] != ':';)
		i++;
	key = sl_trim((struct sl){line.p, i}, BLANKS);
	if (i == line.n || key.n == 0 || at->section.n == 0)
		return indented && at->parent.n; /* goes on a text that is not ours to understand */
	value = sl_trim((struct sl){line.p + i + 1, line.n - i - 1}, BLANKS);
	if (!indented)
		at->parent = key;
	add(f, str_sl(&at->section), indented ? at->parent : SL(""), key, value);
	return true;
}

static bool slurp(const char *path, struct str *s)
{
	char piece[4096];
	size_t n;
	FILE *in = fopen(path, "re");

	if (!in)
		return errno == ENOENT || errno == ENOTDIR;
	while ((n = fread(piece, 1, sizeof piece, in)) > 0 && s->n < MAX_FILE)
		str_add(s, (struct sl){piece, n});
	explicit_bzero(piece, sizeof piece);
	if (ferror(in)) {
		fclose(in);
		return false;
	}
	fclose(in);
	return true;
}

bool inifile_read(struct inifile *f, const char *path, unsigned *line)
{
	AUTO_STR all = {0};
	struct place at = {0};
	bool good = slurp(path, &all);
	struct sl rest = str_sl(&all), text;

	for (*line = 0; good && sl_cut(&rest, '\n', &text); ++*line)
		good = parse_line(f, &at, text);
	if (all.p)
		explicit_bzero(all.p, all.n);
	str_free(&at.section);
	return good;
}

const char *inifile_get(const struct inifile *f, const char *section, const char *key)
{
	for (size_t i = f->n; i-- > 0;)
		if (f->v[i].key && strcmp(f->v[i].section, section) == 0 &&
			strcmp(f->v[i].key, key) == 0)
			return f->v[i].value;
	return NULL;
}

bool inifile_has(const struct inifile *f, const char *section)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].section, section) == 0)
			return true;
	return false;
}

void inifile_free(struct inifile *f)
{
	for (size_t i = 0; i < f->n; i++) {
		mem_free(f->v[i].section);
		mem_free(f->v[i].key);
		if (f->v[i].value)
			explicit_bzero(f->v[i].value, strlen(f->v[i].value));
		mem_free(f->v[i].value);
	}
	mem_free(f->v);
	*f = (struct inifile){0};
}
