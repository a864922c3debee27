#include "aws/creds.h"

#include "aws/creds_internal.h"
#include "aws/crypto.h"
#include "aws/fetch.h"
#include "core/clock.h"
#include "stream/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MINUTE (60 * CLOCK_US_PER_SEC)
#define ADVISORY (15 * MINUTE) /* before the end: try to get new ones, keep the old on failure */
#define MANDATORY (10 * MINUTE)
#define RETRY_AFTER MINUTE
#define MAX_CHAIN 8

struct creds {
	struct aws_config *c;
	struct aws_keys keys;
	bool have, renewable, expired;
	unsigned serial;
	int64_t life;     /* from getting to expiry */
	int64_t end;	  /* of that; by the clock that nobody sets, as next_try */
	int64_t next_try; /* of a refresh that may fail */
};

void creds_protect_process(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* whose leak check traces the program */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* ---- keys ---------------------------------------------------------------------------------- */

static void keys_free(struct aws_keys *k)
{
	crypto_free(k->id);
	crypto_free(k->secret);
	crypto_free(k->token);
	*k = (struct aws_keys){0};
}

void keys_set(
	struct aws_keys *k, struct sl id, struct sl secret, struct sl token, const char *source)
{
	keys_free(k);
	k->id = mem_sldup(id);
	k->secret = mem_sldup(secret);
	k->token = token.n ? mem_sldup(token) : NULL;
	k->expires = INT64_MAX;
	k->source = source;
}

bool keys_from_json(struct aws_keys *k, struct sl text, const char *token_key, const char *source,
	struct aws_error *e)
{
	struct arena mem = {0};
	const struct json *o = json_read(&mem, text);
	struct sl id = SL(""), secret = SL(""), token = SL(""), end = SL("");
	bool good = o && json_get_str(o, "AccessKeyId", &id) &&
		    json_get_str(o, "SecretAccessKey", &secret) && id.n && secret.n;

	(void)json_get_str(o, token_key, &token);
	if (good) {
		keys_set(k, id, secret, token, source);
		if (json_get_str(o, "Expiration", &end) && !clock_parse(end, &k->expires))
			good = false;
	}
	if (!good)
		aws_error_set(e, AWS_CREDENTIALS, source, "no keys in its answer");
	arena_wipe(&mem);
	return good;
}

/* ---- credential_process: a program that prints keys; no shell takes part -------------------- */

#define LIMIT_US (60 * CLOCK_US_PER_SEC)
#define MAX_OUTPUT (64u << 10)

extern char **environ;

/* Copies one word to *to, quotes and backslashes resolved; NULL when a quote is not closed. */
static const char *take_word(const char *p, char **to)
{
	char quote = '\0';

	for (; *p && (quote || !sl_blank(*p)); p++) {
		if (quote == '\0' && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (*p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'' && p[1] && (!quote || strchr("\"\\", p[1])))
			*(*to)++ = *++p;
		else
			*(*to)++ = *p;
	}
	*(*to)++ = '\0';
	return quote ? NULL : p;
}

char **creds_split_command(const char *line)
{
	size_t len = strlen(line), most = len / 2 + 2, n = 0;
	char **argv = mem_alloc(mem_add(mem_mul(most, sizeof *argv), len + most + 1));
	char *text = (char *)(argv + most);
	const char *p = line;

	for (;;) {
		while (sl_blank(*p))
			p++;
		if (!*p)
			break;
		argv[n++] = text;
		p = take_word(p, &text);
		if (!p) {
			mem_free(argv);
			return NULL;
		}
	}
	argv[n] = NULL;
	return argv;
}

/* Reads until the end of the pipe; false when that takes too long. */
static bool drain(int fd, struct str *out)
{
	int64_t end = clock_monotonic() + LIMIT_US;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)str_room(out, MAX_OUTPUT); /* at once: growing would leave copies behind */
	while (out->n < MAX_OUTPUT) {
		int64_t left = end - clock_monotonic();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)(left / 1000 + 1)) <= 0)
			continue;
		n = read(fd, out->p + out->n, MAX_OUTPUT - out->n);
		if (n == 0)
			break;
		if (n > 0)
			out->n += (size_t)n;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

/* Starts argv with its standard output on a pipe, the rest on /dev/null; 0 or an errno. */
static int start(char **argv, pid_t *pid, int *fd)
{
	posix_spawn_file_actions_t fa;
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, ends[1], STDOUT_FILENO);
	/* What it says there may hold secrets, and would land in our caller's log. */
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(ends[1]);
	*fd = ends[0];
	if (rc)
		close(ends[0]);
	return rc;
}

static bool run(char **argv, struct str *out, struct aws_error *e)
{
	pid_t pid;
	int fd = -1, rc = start(argv, &pid, &fd), status = 0;
	bool whole;

	if (rc)
		return aws_error_set(
			e, AWS_CONFIG, "credential_process", "%s: %s", argv[0], strerror(rc));
	whole = drain(fd, out);
	close(fd);
	if (!whole)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!whole)
		aws_error_set(
			e, AWS_CREDENTIALS, "credential_process", "%s: no end after 60 s", argv[0]);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		aws_error_set(e, AWS_CREDENTIALS, "credential_process", "%s: ended with %d",
			argv[0], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	else
		return true;
	return false;
}

static bool from_process(const char *command, struct aws_keys *k, struct aws_error *e)
{
	AUTO_FREE char **argv = creds_split_command(command);
	AUTO_SECRET out = {0};

	if (!argv || !argv[0])
		return aws_error_set(e, AWS_CONFIG, "credential_process", "%s",
			argv ? "empty" : "a quote is not closed");
	return run(argv, &out, e) &&
	       keys_from_json(k, str_sl(&out), "SessionToken", "credential_process", e);
}

/* ---- sources ------------------------------------------------------------------------------- */

/* Half a pair is a mistake to be told, not a reason to look elsewhere. */
static bool take_pair(const char *id, const char *secret, const char *token, const char *source,
	struct aws_keys *k, struct aws_error *e)
{
	if (!id || !secret)
		return aws_error_set(e, AWS_CREDENTIALS, source, "%s is given without %s",
			id ? "the access key" : "the secret key",
			id ? "the secret key" : "the access key");
	keys_set(k, sl_of(id), sl_of(secret), token ? sl_of(token) : SL(""), source);
	return true;
}

static bool from_environment(struct aws_keys *k, struct aws_error *e)
{
	return take_pair(aws_env("AWS_ACCESS_KEY_ID"), aws_env("AWS_SECRET_ACCESS_KEY"),
		aws_env("AWS_SESSION_TOKEN"), "environment", k, e);
}

static bool has_keys(const struct aws_config *c, const char *p)
{
	return aws_config_get(c, p, "aws_access_key_id") ||
	       aws_config_get(c, p, "aws_secret_access_key");
}

static bool from_profile_keys(
	const struct aws_config *c, const char *p, struct aws_keys *k, struct aws_error *e)
{
	return take_pair(aws_config_get(c, p, "aws_access_key_id"),
		aws_config_get(c, p, "aws_secret_access_key"),
		aws_config_get(c, p, "aws_session_token"), "profile", k, e);
}

static bool from_profile(struct aws_config *c, const char *p, int depth, struct aws_keys *k,
	bool *renewable, struct aws_error *e);

/* credential_source of a role. */
static bool from_named_source(const char *name, struct aws_keys *k, struct aws_error *e)
{
	if (strcmp(name, "Environment") == 0)
		return from_environment(k, e);
	if (strcmp(name, "EcsContainer") == 0)
		return creds_from_container(k, e);
	if (strcmp(name, "Ec2InstanceMetadata") == 0)
		return creds_from_instance(k, e);
	return aws_error_set(e, AWS_CONFIG, "credential_source", "%s", msg_q(sl_of(name)));
}

static bool from_role(
	struct aws_config *c, const char *p, int depth, struct aws_keys *k, struct aws_error *e)
{
	const char *source = aws_config_get(c, p, "source_profile");
	const char *named = aws_config_get(c, p, "credential_source");
	const char *token_file = aws_config_get(c, p, "web_identity_token_file");
	struct creds_role r = {aws_config_get(c, p, "role_arn"),
		aws_config_get(c, p, "role_session_name"), aws_config_get(c, p, "external_id"),
		aws_config_get(c, p, "duration_seconds")};
	struct aws_keys by = {0};
	bool renewable, good;

	if (token_file)
		return creds_web_identity(c, &r, token_file, k, e);
	if (!source == !named)
		return aws_error_set(e, AWS_CONFIG, "role_arn", "profile %s needs %s",
			msg_q(sl_of(p)),
			source ? "either source_profile or credential_source, not both"
			       : "source_profile or credential_source");
	if (aws_config_get(c, p, "mfa_serial"))
		return aws_error_set(e, AWS_CONFIG, "mfa_serial",
			"a code cannot be asked for here: use credential_process");
	if (named)
		good = from_named_source(named, &by, e);
	else if (strcmp(source, p) == 0)
		good = from_profile_keys(c, p, &by, e);
	else
		good = from_profile(c, source, depth + 1, &by, &renewable, e);
	good = good && creds_assume_role(c, &r, &by, k, e);
	keys_free(&by);
	return good;
}

static bool from_profile(struct aws_config *c, const char *p, int depth, struct aws_keys *k,
	bool *renewable, struct aws_error *e)
{
	const char *command = aws_config_get(c, p, "credential_process");

	*renewable = true;
	if (depth > MAX_CHAIN)
		return aws_error_set(
			e, AWS_CONFIG, "source_profile", "the chain of profiles has no end");
	if (!aws_config_has_profile(c, p))
		return aws_error_set(e, AWS_CONFIG, "no such profile", "%s", msg_q(sl_of(p)));
	if (aws_config_get(c, p, "role_arn"))
		return from_role(c, p, depth, k, e);
	if (has_keys(c, p)) {
		*renewable = false;
		return from_profile_keys(c, p, k, e);
	}
	if (command)
		return from_process(command, k, e);
	if (aws_config_get(c, p, "sso_session") || aws_config_get(c, p, "sso_start_url"))
		aws_error_set(e, AWS_CONFIG, "SSO profile",
			"give it credential_process = aws configure export-credentials --profile "
			"%s",
			p);
	else
		aws_error_set(e, AWS_CONFIG, "profile without keys", "%s", msg_q(sl_of(p)));
	return false;
}

static bool profile_has_source(const struct aws_config *c, const char *p)
{
	static const char *const key[] = {"role_arn", "aws_access_key_id", "aws_secret_access_key",
		"credential_process", "sso_session", "sso_start_url"};

	for (size_t i = 0; i < ARRAY_LEN(key); i++)
		if (aws_config_get(c, p, key[i]))
			return true;
	return false;
}

static bool find(struct creds *cr, struct aws_keys *k, struct aws_error *e)
{
	struct aws_config *c = cr->c;
	const char *p = c->profile;
	const char *role = aws_env("AWS_ROLE_ARN"), *token = aws_env("AWS_WEB_IDENTITY_TOKEN_FILE");
	struct creds_role r = {role, aws_env("AWS_ROLE_SESSION_NAME"), NULL, NULL};

	cr->renewable = true;
	if (!c->asked_profile &&
		(aws_env("AWS_ACCESS_KEY_ID") || aws_env("AWS_SECRET_ACCESS_KEY"))) {
		cr->renewable = false;
		return from_environment(k, e);
	}
	if (aws_config_get(c, p, "role_arn"))
		return from_profile(c, p, 0, k, &cr->renewable, e);
	if (role && token && !c->asked_profile)
		return creds_web_identity(c, &r, token, k, e);
	if (profile_has_source(c, p))
		return from_profile(c, p, 0, k, &cr->renewable, e);
	if (aws_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
		aws_env("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
		return creds_from_container(k, e);
	if (imds_enabled() && creds_from_instance(k, e))
		return true;
	return aws_error_set(e, AWS_CREDENTIALS, "no credentials",
		"none in the environment, the profile %s, a container or an instance",
		msg_q(sl_of(p)));
}

/* ---- keeping them fresh -------------------------------------------------------------------- */

struct creds *creds_new(struct aws_config *c)
{
	struct creds *cr = mem_zalloc(sizeof *cr);

	cr->c = c;
	return cr;
}

void creds_free(struct creds *cr)
{
	if (!cr)
		return;
	keys_free(&cr->keys);
	mem_free(cr);
}

/* Keys that live for minutes only are kept for half and three quarters of their life. */
static int64_t margin(const struct creds *cr, int64_t usual, int64_t share)
{
	return cr->life / share < usual ? cr->life / share : usual;
}

const struct aws_keys *creds_get(struct creds *cr, struct aws_error *e)
{
	int64_t now = clock_monotonic(), left;
	struct aws_keys fresh = {0};
	bool must;

	left = cr->have && cr->keys.expires != INT64_MAX ? cr->end - now : INT64_MAX;
	must = !cr->have || cr->expired || (cr->renewable && left < margin(cr, MANDATORY, 4));
	if (!must && (!cr->renewable || left >= margin(cr, ADVISORY, 2) || now < cr->next_try))
		return &cr->keys;
	e->operation[0] = '\0';
	e->attempts = 0;
	if (!find(cr, &fresh, e)) {
		keys_free(&fresh);
		cr->next_try = now + RETRY_AFTER;
		return must ? NULL : &cr->keys;
	}
	keys_free(&cr->keys);
	cr->keys = fresh;
	cr->life = fresh.expires - (fresh.expires == INT64_MAX ? 0 : clock_now());
	if (cr->life <= 0)
		cr->life = MINUTE; /* if it is not our clock that is wrong, the service says so */
	cr->end = cr->life == INT64_MAX ? INT64_MAX : now + cr->life;
	cr->have = true;
	cr->expired = false;
	cr->serial++;
	return &cr->keys;
}

static void redact(const char *secret, struct str *text)
{
	size_t n = secret ? strlen(secret) : 0;
	char *at = text->p;

	if (n < 8) /* nothing that short is a secret; stars for "key" would hide what is said */
		return;
	while (at && (at = memmem(at, (size_t)(text->p + text->n - at), secret, n))) {
		memset(at, '*', n);
		at += n;
	}
}

void creds_redact(const struct creds *cr, struct str *text)
{
	redact(cr->keys.secret, text);
	redact(cr->keys.token, text);
}

unsigned creds_serial(const struct creds *cr)
{
	return cr->serial;
}

bool creds_expire(struct creds *cr)
{
	if (!cr->renewable)
		return false;
	cr->expired = true;
	return true;
}
