#include "core/tr.h"

#include "core/base.h"

#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <unistd.h>

static bool on;
static _Thread_local struct said { const char *key, *said; } lately[8];
static _Thread_local unsigned n_lately;

/* What the user wants, in the order of POSIX; NULL for English. */
static const char *wanted(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *language = getenv("LANGUAGE"), *want = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names) && (!want || !*want); i++)
		want = getenv(names[i]);
	if (!want || !*want || strcmp(want, "C") == 0 || strcmp(want, "POSIX") == 0)
		return NULL;
	return strncmp(want, "C.", 2) == 0 && !(language && *language) ? NULL : want;
}

/*
 * Beside the programs: share/locale where they are installed, build/locale of the source otherwise
 * (from bin and from build/PROFILE/bin).
 */
static const char *find_texts(void)
{
	static const char *const places[] = { "../share/locale", "../build/locale",
		"../../locale" };
	static char path[PATH_MAX + 32];
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", exe, places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/*
 * A locale that is not installed on this machine is no reason for another language: gettext takes
 * C.UTF-8 when LANGUAGE names one.
 */
static void choose(const char *want)
{
	char language[16];
	size_t n = strcspn(want, "._@");

	if (setlocale(LC_MESSAGES, ""))
		return;
	(void)setlocale(LC_MESSAGES, "C.UTF-8");
	(void)snprintf(language, sizeof language, "%.*s", n < sizeof language ? (int)n : 0, want);
	(void)setenv("LANGUAGE", language, 0);
}

void tr_init(void)
{
	const char *want = wanted(), *place;

	if (!want)
		return;
	choose(want);
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* so that all libraries give their texts in UTF-8 */
	place = find_texts();
	if (!place)
		return;
	(void)bindtextdomain("ferry", place);
	(void)bind_textdomain_codeset("ferry", "UTF-8");
	(void)textdomain("ferry");
	on = true;
}

const char *tr(const char *text)
{
	const char *said = on && *text ? gettext(text) : text;

	if (said != text)
		lately[n_lately++ % ARRAY_LEN(lately)] = (struct said){ text, said };
	return said;
}

void tr_back(char *text, size_t room)
{
	for (size_t i = 0; i < ARRAY_LEN(lately); i++) {
		char *at = lately[i].said ? strstr(text, lately[i].said) : NULL;
		AUTO_FREE char *rest = at ? mem_strdup(at + strlen(lately[i].said)) : NULL;

		if (at)
			(void)snprintf(at, room - (size_t)(at - text), "%s%s", lately[i].key, rest);
	}
}
