/* home.h - a home folder for tests of configuration, with the two files empty and nothing in the
 * environment. */
#ifndef FERRY_HOME_H
#define FERRY_HOME_H

#include "aws/creds.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char dir[] = "/tmp/ferry-home.XXXXXX";

static inline const char *in_dir(const char *name)
{
	static char path[4][200];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static inline void write_file(const char *name, unsigned mode, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(in_dir(name), mode) != 0)
		die_errno(EX_BUG, "%s", name);
}

/* Nothing of the surroundings, and both files empty. */
static inline void clean(void)
{
	static const char *const keep[] = {"PATH", "FERRY_TEST_DATA"};
	const char *value[ARRAY_LEN(keep)];
	char copy[ARRAY_LEN(keep)][4096];

	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		value[i] = getenv(keep[i]);
		snprintf(copy[i], sizeof copy[i], "%s", value[i] ? value[i] : "");
	}
	clearenv();
	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		if (value[i])
			setenv(keep[i], copy[i], 1);
	setenv("HOME", dir, 1);
	setenv("AWS_CONFIG_FILE", in_dir("config"), 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", in_dir("credentials"), 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	write_file("config", 0644, "");
	write_file("credentials", 0600, "");
}

static inline void home_begin(void)
{
	if (!mkdtemp(dir))
		die_errno(EX_BUG, "mkdtemp");
}

static inline void home_end(void)
{
	static const char *const names[] = {"config", "credentials", "give", "token"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(in_dir(names[i]));
	rmdir(dir);
}

/* "ID/SECRET/TOKEN" of the keys found, or the error's text. */
static inline const char *found(const struct aws_opts *o)
{
	static char text[2000];
	struct aws_error e = {0};
	struct aws_config *c = aws_config_load(o, &e);
	struct creds *cr = c ? creds_new(c) : NULL;
	const struct aws_keys *k = cr ? creds_get(cr, &e) : NULL;

	if (k)
		snprintf(
			text, sizeof text, "%s/%s/%s", k->id, k->secret, k->token ? k->token : "-");
	else
		snprintf(text, sizeof text, "%s", aws_error_text(&e));
	creds_free(cr);
	aws_config_free(c);
	return text;
}

static const struct aws_opts none __attribute__((unused)) = {.region = "eu-west-1"};

static inline void expect(const struct aws_opts *o, const char *want, const char *what)
{
	tap_same(sl_of(found(o)), sl_of(want), what);
}

static inline void expect_error(const struct aws_opts *o, const char *part, const char *what)
{
	const char *got = found(o);

	tap(strstr(got, part), "%s: %s", what, got);
}

/* Where a service answers, or the error's text. */
static inline const char *host_of(const char *region, enum aws_service s)
{
	static char text[300];
	struct aws_error e = {0};
	struct aws_config *c = aws_config_load(&(struct aws_opts){.region = region}, &e);
	struct aws_endpoint to = {0};

	if (c && aws_config_endpoint(c, s, &to, &e))
		snprintf(text, sizeof text, "%s://%s%s", to.scheme, to.host, to.path);
	else
		snprintf(text, sizeof text, "%s", aws_error_text(&e));
	aws_config_free(c);
	return text;
}

#endif
