/* Credentials: the order of the sources, each source, refreshing. */
#include "core/clock.h"
#include "core/mem.h"

#include <time.h>

#include "home.h"
#include "server.h"
#include "tap.h"

/* ---- order --------------------------------------------------------------------------------- */

static void test_order(void)
{
	const struct aws_opts two = {.region = "eu-west-1", .profile = "two"};
	const struct aws_opts nobody = {.region = "eu-west-1", .profile = "nobody"};

	clean();
	expect_error(&none, "no credentials", "nothing anywhere");
	write_file("config", 0644,
		"[default]\naws_access_key_id = C\naws_secret_access_key = c\n"
		"[profile two]\naws_access_key_id=C2\naws_secret_access_key=c2\n");
	expect(&none, "C/c/-", "keys of the config file");
	write_file("credentials", 0600,
		"[default]\naws_access_key_id = A\n"
		"aws_secret_access_key = a/+=b\naws_session_token = t\n");
	expect(&none, "A/a/+=b/t", "the credentials file before it");
	expect(&two, "C2/c2/-", "a profile by option");
	setenv("AWS_PROFILE", "two", 1);
	expect(&none, "C2/c2/-", "a profile by AWS_PROFILE");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
	expect(&none, "E/e/-", "the environment before the profile of the environment");
	setenv("AWS_SESSION_TOKEN", "s", 1);
	expect(&none, "E/e/s", "with its token");
	expect(&two, "C2/c2/-", "but not before a profile that was asked for");
	expect_error(&nobody, "no such profile: \"nobody\"", "a profile that is not there");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	expect_error(&none, "without the secret key", "half a pair");
}

/* ---- credential_process -------------------------------------------------------------------- */

static void test_split(void)
{
	static const struct {
		const char *line, *words[6];
	} rows[] = {
		{"", {NULL}},
		{"  a  b\t", {"a", "b", NULL}},
		{"a 'b c' \"d e\"", {"a", "b c", "d e", NULL}},
		{"a'b'\"c\"d", {"abcd", NULL}},
		{"a\\ b \\'", {"a b", "'", NULL}},
		{"'\\' \"\\\"\\\\\\x\"", {"\\", "\"\\\\x", NULL}},
		{"a '' \"\"", {"a", "", "", NULL}},
		{"$HOME `x` *;|", {"$HOME", "`x`", "*;|", NULL}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char **argv = creds_split_command(rows[i].line);
		bool same = argv != NULL;
		size_t n = 0;

		for (; same && rows[i].words[n]; n++)
			same = argv[n] && strcmp(argv[n], rows[i].words[n]) == 0;
		tap(same && argv && !argv[n], "words of [%s]", rows[i].line);
		mem_free(argv);
	}
	tap(!creds_split_command("a 'b"), "a quote that is not closed");
	tap(!creds_split_command("a \"b\\\""), "a double one");
}

static void set_process(const char *script)
{
	char text[600];

	write_file("give", 0755, script);
	snprintf(text, sizeof text, "[default]\ncredential_process = '%s/give' \"a b\" $HOME\n",
		dir);
	write_file("config", 0644, text);
}

static void test_process(void)
{
	clean();
	set_process("#!/bin/sh\necho SECRET-ON-STDERR >&2\n"
		    "printf "
		    "'{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"%s\","
		    "\"SessionToken\":\"%s\"}' "
		    "\"$1\" \"$2\"\n");
	expect(&none, "P/a b/$HOME", "keys of a program, its words taken literally");
	set_process("#!/bin/sh\necho SECRET; exit 3\n");
	expect_error(&none, "ended with 3", "a program that fails");
	tap(!strstr(found(&none), "SECRET"), "what it printed is not shown");
	set_process("#!/bin/sh\necho '{\"AccessKeyId\":\"P\"}'\n");
	expect_error(&none, "no keys", "half an answer");
	set_process("#!/bin/sh\necho nonsense\n");
	expect_error(&none, "no keys", "no JSON");
	write_file("config", 0644, "[default]\ncredential_process = /dev/null/none/program\n");
	expect_error(&none, "none/program: Not a directory", "a program that is not there");
}

/* ---- metadata, containers, roles ----------------------------------------------------------- */

static enum server_then metadata(struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)n;
	if (strncmp(request, "PUT /latest/api/token ", 22) == 0 &&
		strcasestr(request, "x-aws-ec2-metadata-token-ttl-seconds: 21600"))
		server_answer(fd, 200, "", "TOKEN==");
	else if (!strcasestr(request, "x-aws-ec2-metadata-token: TOKEN==\r\n"))
		server_answer(fd, 401, "", "");
	else if (strstr(request, "/meta-data/placement/region "))
		server_answer(fd, 200, "", "me-south-1");
	else if (strstr(request, "/security-credentials/ "))
		server_answer(fd, s->param[0] ? 404 : 200, "", "my-role");
	else if (strstr(request, "/security-credentials/my-role "))
		server_answer(fd, 200, "",
			"{\"Code\":\"Success\",\"AccessKeyId\":\"I\","
			"\"SecretAccessKey\":\"i\",\"Token\":\"it\",\"Expiration\":\"2099-01-01T00:"
			"00:00Z\"}");
	else
		server_answer(fd, 404, "", "");
	return SERVER_KEEP;
}

static void test_instance(void)
{
	struct server s = server_start(metadata);

	clean();
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", s.url, 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	expect(&none, "I/i/it", "keys of the instance, not by way of the proxy");
	tap_same(sl_of(host_of(NULL, AWS_STS)), SL("https://sts.me-south-1.amazonaws.com"),
		"and its region");
	s.shared->param[0] = 1;
	expect_error(&none, "no credentials", "an instance without a role");
	server_stop(&s);
	expect_error(&none, "no credentials", "no metadata service");
}

static enum server_then container(struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)n;
	if (s->param[0]-- > 0)
		server_answer(fd, 500, "", "");
	else if (strncmp(request, "GET /creds ", 11) == 0 &&
		 strcasestr(request, "\r\nauthorization: Bearer x\r\n"))
		server_answer(fd, 200, "",
			"{\"AccessKeyId\":\"O\",\"SecretAccessKey\":\"o\",\"Token\":\"ot\","
			"\"Expiration\":\"2099-01-01T00:00:00Z\"}");
	else
		server_answer(fd, 403, "", "");
	return SERVER_KEEP;
}

static void test_container(void)
{
	struct server s = server_start(container);
	char url[100];

	clean();
	snprintf(url, sizeof url, "%s/creds", s.url);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
	expect_error(&none, "HTTP 403", "a container's agent that wants a token");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer x", 1);
	expect(&none, "O/o/ot", "a token by variable");
	s.shared->param[0] = 2;
	expect(&none, "O/o/ot", "tried three times");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer x\r\nHost: evil", 1);
	expect_error(&none, "line end", "a token that would be two headers");
	write_file("token", 0600, "Bearer x\n");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", in_dir("token"), 1);
	expect(&none, "O/o/ot", "a token by file, which comes first");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/creds", 1);
	expect_error(&none, "neither https nor on this machine", "keys do not travel in the open");
	server_stop(&s);
}

#define ROLE_XML                                                                                   \
	"<%sResponse><%sResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>s&amp;s" \
	"</SecretAccessKey><SessionToken>st</SessionToken><Expiration>%s</Expiration></"           \
	"Credentials>"                                                                             \
	"</%sResult></%sResponse>"

/* param: 0 seconds the keys live, 1 fail from this request on */
static enum server_then sts(struct server_shared *s, int fd, unsigned n, const char *request)
{
	bool web = strstr(request, "Action=AssumeRoleWithWebIdentity&") != NULL;
	const char *action = web ? "AssumeRoleWithWebIdentity" : "AssumeRole";
	time_t end = time(NULL) + (s->param[0] ? s->param[0] : 3600);
	char body[1000], when[40], id[40];
	struct tm tm;

	gmtime_r(&end, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(id, sizeof id, "R%u", n);
	snprintf(body, sizeof body, ROLE_XML, action, action, id, when, action, action);
	if (s->param[1] && n >= (unsigned)s->param[1])
		server_answer(fd, 403, "",
			"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
			"<Message>not you</Message></Error></ErrorResponse>");
	else if (web ? strcasestr(request, "\r\nauthorization:") ||
				 !strstr(request, "WebIdentityToken=a.b%2Bc")
		     : !strstr(request, "/eu-west-1/sts/aws4_request"))
		server_answer(fd, 400, "", "<Error><Code>IncompleteSignature</Code></Error>");
	else
		server_answer(fd, 200, "", body);
	return SERVER_KEEP;
}

static void test_roles(void)
{
	struct server s = server_start(sts);

	clean();
	setenv("AWS_ENDPOINT_URL_STS", s.url, 1);
	write_file("config", 0644,
		"[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = base\nexternal_id = "
		"x y\n"
		"[profile base]\naws_access_key_id = B\naws_secret_access_key = b\n"
		"[profile chain]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = default\n"
		"[profile self]\nrole_arn = r\nsource_profile = self\naws_access_key_id = S\n"
		"aws_secret_access_key = s\n"
		"[profile env]\nrole_arn = r\ncredential_source = Environment\n"
		"[profile loop]\nrole_arn = r\nsource_profile = pool\n"
		"[profile pool]\nrole_arn = r\nsource_profile = loop\n"
		"[profile both]\nrole_arn = r\nsource_profile = base\ncredential_source = "
		"Environment\n"
		"[profile neither]\nrole_arn = r\n"
		"[profile mfa]\nrole_arn = r\nsource_profile = base\nmfa_serial = m\n"
		"[profile sso]\nsso_session = x\n");
	expect(&none, "R0/s&s/st", "a role by way of another profile");
	tap(strstr(s.shared->last, "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa") &&
			strstr(s.shared->last, "ExternalId=x%20y") &&
			strstr(s.shared->last, "Credential=B/"),
		"asked for as it should be");
	setenv("AWS_PROFILE", "chain", 1);
	expect(&none, "R2/s&s/st", "a role by way of a role");
	tap(strstr(s.shared->last, "Credential=R1/") != NULL, "with the keys of the first");
	setenv("AWS_PROFILE", "self", 1);
	expect(&none, "R3/s&s/st", "a profile that is its own source");
	setenv("AWS_PROFILE", "loop", 1);
	expect_error(&none, "no end", "profiles in a circle");
	setenv("AWS_PROFILE", "both", 1);
	expect_error(&none, "not both", "two sources");
	setenv("AWS_PROFILE", "neither", 1);
	expect_error(&none, "needs source_profile", "no source");
	setenv("AWS_PROFILE", "mfa", 1);
	expect_error(&none, "credential_process", "a role that wants a code");
	setenv("AWS_PROFILE", "sso", 1);
	expect_error(&none, "export-credentials --profile sso", "single sign-on has a way out");
	expect(&(struct aws_opts){.region = "eu-west-1", .profile = "self"}, "R4/s&s/st",
		"a role by option");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
	expect(&(struct aws_opts){.region = "eu-west-1", .profile = "env"}, "R5/s&s/st",
		"credential_source = Environment");
	s.shared->param[1] = 1;
	expect_error(&(struct aws_opts){.region = "eu-west-1", .profile = "self"},
		"AssumeRole: AccessDenied: not you", "a role that is refused");
	server_stop(&s);
}

static void test_web_identity(void)
{
	struct server s = server_start(sts);

	clean();
	setenv("AWS_ENDPOINT_URL_STS", s.url, 1);
	setenv("AWS_ROLE_ARN", "r", 1);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", in_dir("token"), 1);
	write_file("token", 0600, "a.b+c\n");
	expect(&none, "R0/s&s/st", "web identity of the environment");
	clean();
	setenv("AWS_ENDPOINT_URL_STS", s.url, 1);
	write_file("config", 0644,
		"[default]\nrole_arn = r\nweb_identity_token_file = /dev/null/none\n");
	expect_error(&none, "/dev/null/none", "a token file that is not there");
	server_stop(&s);
}

/* ---- refreshing ---------------------------------------------------------------------------- */

static void test_refresh(void)
{
	struct server s = server_start(sts);
	struct aws_error e = {0};
	struct aws_config *c;
	struct creds *cr;
	const struct aws_keys *k;

	clean();
	setenv("AWS_ENDPOINT_URL_STS", s.url, 1);
	write_file("config", 0644,
		"[default]\nrole_arn = r\nsource_profile = default\n"
		"aws_access_key_id = S\naws_secret_access_key = s\n");
	c = aws_config_load(&none, &e);
	cr = creds_new(c);
	for (int i = 0; i < 100; i++)
		k = creds_get(cr, &e);
	tap(k && s.shared->requests == 1, "keys are kept");
	tap(creds_expire(cr) && (k = creds_get(cr, &e)) && strcmp(k->id, "R1") == 0,
		"until the service says that they expired");
	s.shared->param[0] = 8;
	tap(creds_expire(cr) && creds_get(cr, &e) && creds_get(cr, &e) && s.shared->requests == 3,
		"keys that live for seconds are not fetched at every call");
	clock_sleep(4100000);
	tap((k = creds_get(cr, &e)) && strcmp(k->id, "R3") == 0, "but in time");
	s.shared->param[1] = 1;
	clock_sleep(4100000);
	tap((k = creds_get(cr, &e)) && strcmp(k->id, "R3") == 0 && s.shared->requests == 5,
		"when that fails early, the old ones are kept");
	clock_sleep(2200000);
	tap(!creds_get(cr, &e) && e.class == AWS_FORBIDDEN, "when it fails late, it fails");
	creds_free(cr);
	aws_config_free(c);
	server_stop(&s);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	home_begin();
	test_order();
	test_split();
	test_process();
	test_instance();
	test_container();
	test_roles();
	test_web_identity();
	test_refresh();
	home_end();
	return tap_done();
}
