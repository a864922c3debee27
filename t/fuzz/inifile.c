/*
 * The files config and credentials: a plain second reader has the same entries; what was read,
 * written plainly, is read the same; and all that is made of them ends in a value or an error.
 */
#include "aws/config.h"
#include "aws/creds_internal.h"
#include "aws/fetch.h"
#include "core/inifile.h"
#include "fuzz.h"

#include <ctype.h>

static void put_entry(struct str *s, const char *section, const char *key, const char *value)
{
	str_addf(s, "[%s] %s=%s\n", section, key ? key : "", value ? value : "");
}

/* By C's own means: lines, and what is before and behind the first = or : of each. */
static void strip(char *s)
{
	char *from = s + strspn(s, " \t\r");
	size_t n = strlen(from);

	while (n > 0 && strchr(" \t\r", from[n - 1]))
		n--;
	memmove(s, from, n);
	s[n] = '\0';
}

/* "[ profile  "a b" ]" without brackets, quotes, and blanks but one between words. */
static bool plain_section(char *line, char *section)
{
	size_t n = strlen(line), o = 0;

	if (n < 3 || line[n - 1] != ']')
		return false;
	line[n - 1] = ' ';
	for (char *p = line + 1; *p; p++)
		if (strchr(" \t\r", *p)) {
			if (o > 0 && section[o - 1] != ' ')
				section[o++] = ' ';
		} else if (*p != '"' && *p != '\'') {
			section[o++] = *p;
		}
	section[o] = '\0';
	strip(section);
	return *section != '\0';
}

static bool plain_read(char *text, struct str *out)
{
	char section[5000] = "", parent[5000] = "", key[10001];
	char *next;

	for (char *line = text; line; line = next) {
		bool indented = *line && strchr(" \t\r", *line);
		char *mark;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		strip(line);
		if (!*line || *line == '#' || *line == ';')
			continue;
		if (*line == '[' && !indented) {
			*parent = '\0';
			if (!plain_section(line, section))
				return false;
			put_entry(out, section, NULL, NULL);
			continue;
		}
		mark = strpbrk(line, "=:");
		if (mark)
			*mark = '\0';
		strip(line);
		if (!mark || !*line || !*section) {
			if (indented && *parent)
				continue;
			return false;
		}
		strip(mark + 1);
		if (!indented)
			(void)snprintf(parent, sizeof parent, "%s", line);
		(void)snprintf(key, sizeof key, "%s%s%s", indented ? parent : "",
			indented && *parent ? "." : "", line);
		put_entry(out, section, key, mark + 1);
	}
	return true;
}

/* A key that only stands where it does because its line is indented cannot be written plainly. */
static bool has_odd_key(const struct str *told)
{
	return strstr(str_z(told), "] [") || strstr(str_z(told), "] #") ||
	       strstr(str_z(told), "] ;");
}

static bool read_entries(struct sl text, struct str *told, struct str *written)
{
	struct inifile f = { 0 };
	unsigned line;
	int fd = fuzz_file(text);
	bool good = inifile_read(&f, fuzz_path(fd), &line);

	for (size_t i = 0; i < f.n; i++) {
		put_entry(told, f.v[i].section, f.v[i].key, f.v[i].value);
		str_addf(written, "[%s]\n", f.v[i].section);
		if (!f.v[i].key)
			continue;
		str_addf(written, "%s = %s\n", f.v[i].key, f.v[i].value);
		CHECK(inifile_has(&f, f.v[i].section) &&
				inifile_get(&f, f.v[i].section, f.v[i].key),
			"no %s in %s", f.v[i].key, f.v[i].section);
	}
	inifile_free(&f);
	(void)close(fd);
	return good;
}

/* Entries without the lines of sections, of which the plain file has one each. */
static void without_sections(struct str *s)
{
	char *to = s->p, *nl;

	for (char *p = s->p; p && (nl = strchr(p, '\n')); p = nl + 1)
		if (memcmp(nl - 3, "] =", 3) != 0) {
			memmove(to, p, (size_t)(nl + 1 - p));
			to += nl + 1 - p;
		}
	s->n = s->p ? (size_t)(to - s->p) : 0;
}

static void check_entries(struct sl in)
{
	struct str want = { 0 }, told = { 0 }, written = { 0 }, again = { 0 }, ignored = { 0 };
	char *text = mem_sldup(in);
	bool good = read_entries(in, &told, &written);

	CHECK(good == plain_read(text, &want), "the second reader says otherwise");
	CHECK_SAME(str_sl(&told), str_sl(&want));
	if (!has_odd_key(&told)) {
		CHECK(read_entries(str_sl(&written), &again, &ignored), "%s", str_z(&written));
		without_sections(&told);
		without_sections(&again);
		CHECK_SAME(str_sl(&again), str_sl(&told));
	}
	mem_free(text);
	str_free(&want);
	str_free(&told);
	str_free(&written);
	str_free(&again);
	str_free(&ignored);
}

/* Values are taken, endpoints worked out; which, the unit tests of aws/config.c know. */
static void use_config(void *ctx)
{
	const struct aws_opts opts = { .profile = *(const bool *)ctx ? "p" : NULL };
	struct aws_error e = { 0 };
	struct aws_config *c = aws_config_load(&opts, &e);
	struct aws_endpoint to;

	if (!c)
		return;
	(void)!aws_config_region(c, &e);
	for (int s = 0; s < AWS_N_SERVICES; s++)
		if (aws_config_endpoint(c, (enum aws_service)s, &to, &e))
			CHECK(*to.host && (strcmp(to.scheme, "http") == 0 ||
						  strcmp(to.scheme, "https") == 0),
				"%s://%s", to.scheme, to.host);
	(void)c->ca_bundle;
	CHECK(c->max_attempts > 0, "no attempt");
	(void)c->mode;
	aws_config_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sl in = fuzz_sl(data, n);
	unsigned on = fuzz_switches(&in);
	bool named = on & 1;
	int fd;

	if (!memchr(in.p, '\0', in.n)) /* C strings end there, and who writes one does not know */
		check_entries(in);
	fd = fuzz_file(in);
	setenv("AWS_CONFIG_FILE", fuzz_path(fd), 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", on & 2 ? fuzz_path(fd) : "/nonexistent", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	(void)fuzz_code(use_config, &named);
	if (!fuzz.code)
		(void)close(fd);
	return 0;
}
