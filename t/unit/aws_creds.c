/* Credentials and configuration: the order of the sources, each source, refreshing. */
#include "aws/creds.h"
#include "core/clock.h"
#include "core/mem.h"

#include <sys/stat.h>
#include <time.h>

#include "server.h"
#include "tap.h"

static char dir[] = "/tmp/ferry-creds.XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][200];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void write_file(const char *name, unsigned mode, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(in_dir(name), mode) != 0)
		die_errno(EX_BUG, "%s", name);
}

/* Nothing of the surroundings, and both files empty. */
static void clean(void)
{
	static const char *const keep[] = { "PATH", "FERRY_TEST_DATA" };
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

/* "ID/SECRET/TOKEN" of the keys found, or the error's text. */
static const char *found(const struct aws_opts *o)
{
	static char text[2000];
	struct aws_error e = { 0 };
	struct aws_config *c = aws_config_load(o, &e);
	struct creds *cr = c ? creds_new(c) : NULL;
	const struct aws_keys *k = cr ? creds_get(cr, &e) : NULL;

	if (k)
		snprintf(text, sizeof text, "%s/%s/%s", k->id, k->secret, k->token ? k->token : "-");
	else
		snprintf(text, sizeof text, "%s", aws_error_text(&e));
	creds_free(cr);
	aws_config_free(c);
	return text;
}

static const struct aws_opts none = { .region = "eu-west-1" };

static void expect(const struct aws_opts *o, const char *want, const char *what)
{
	tap_same(sl_of(found(o)), sl_of(want), what);
}

static void expect_error(const struct aws_opts *o, const char *part, const char *what)
{
	const char *got = found(o);

	tap(strstr(got, part), "%s: %s", what, got);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void test_order(void)
{
	const struct aws_opts two = { .region = "eu-west-1", .profile = "two" };
	const struct aws_opts nobody = { .region = "eu-west-1", .profile = "nobody" };

	clean();
	expect_error(&none, "no credentials", "nothing anywhere");
	write_file("config", 0644, "[default]\naws_access_key_id = C\naws_secret_access_key = c\n"
				   "[profile two]\naws_access_key_id=C2\naws_secret_access_key=c2\n");
	expect(&none, "C/c/-", "keys of the config file");
	write_file("credentials", 0600, "[default]\naws_access_key_id = A\n"
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

/* ---- files ----------------------------------------------------------------------------------- */

static void test_files(void)
{
	struct aws_error e = { 0 };
	struct aws_config *c;
	struct aws_endpoint to;

	clean();
	write_file("config", 0644,
		"# comment\n; another\n\n[default]\r\nregion = ap-northeast-2\r\n"
		"s3 =\n  addressing_style = path\n  max_queue = 1\n"
		"[ profile  \"with blank\" ]\nregion: eu-north-1\nempty =\n"
		"[services local]\nsagemaker =\n  endpoint_url = http://127.0.0.1:1/sm/\n"
		"sagemaker_featurestore_runtime =\n  endpoint_url = https://h:443\n"
		"[profile custom]\nservices = local\nregion = eu-west-1\nendpoint_url=http://e:80\n"
		"retry_mode = adaptive\nmax_attempts = 7\n");
	c = aws_config_load(&(struct aws_opts){ .profile = "with blank" }, &e);
	if (tap(c, "a config file with everything in it")) {
		tap_same(sl_of(aws_config_region(c, &e)), SL("eu-north-1"), "a profile with a blank");
		tap(!aws_config_get(c, NULL, "empty"), "an empty value is none");
		tap_same(sl_of(aws_config_get(c, "default", "s3.addressing_style")), SL("path"),
			"a nested value");
		tap_same(sl_of(aws_config_get(c, "default", "region")), SL("ap-northeast-2"), "CR LF");
		aws_config_free(c);
	}
	c = aws_config_load(&(struct aws_opts){ .profile = "custom" }, &e);
	if (tap(c, "a profile with services")) {
		tap(aws_config_endpoint(c, AWS_SAGEMAKER, &to, &e) && to.custom, "its endpoint");
		tap_same(sl_of(to.host), SL("127.0.0.1:1"), "host");
		tap_same(sl_of(to.path), SL("/sm"), "path");
		tap(aws_config_endpoint(c, AWS_FEATURESTORE, &to, &e), "another");
		tap_same(sl_of(to.host), SL("h"), "the scheme's own port is left out");
		tap_same(sl_of(to.signing), SL("sagemaker"), "signed as sagemaker");
		tap(aws_config_endpoint(c, AWS_ATHENA, &to, &e) && strcmp(to.host, "e") == 0,
			"the profile's endpoint for the rest");
		tap(aws_config_max_attempts(c) == 7 &&
				aws_config_retry_mode(c) == AWS_RETRY_ADAPTIVE, "retry settings");
		aws_config_free(c);
	}
	write_file("config", 0644, "[default]\nregion eu-west-1\n");
	expect_error(&none, "line 2", "a line that is nothing");
	write_file("config", 0644, "region = eu-west-1\n");
	expect_error(&none, "line 1", "a key outside of any section");
}

/* ---- regions and endpoints --------------------------------------------------------------------- */

static const char *host_of(const char *region, enum aws_service s)
{
	static char text[300];
	struct aws_error e = { 0 };
	struct aws_config *c = aws_config_load(&(struct aws_opts){ .region = region }, &e);
	struct aws_endpoint to = { 0 };

	if (c && aws_config_endpoint(c, s, &to, &e))
		snprintf(text, sizeof text, "%s://%s%s", to.scheme, to.host, to.path);
	else
		snprintf(text, sizeof text, "%s", aws_error_text(&e));
	aws_config_free(c);
	return text;
}

static void test_endpoints(void)
{
	static const struct {
		const char *region, *name, *value;
		enum aws_service s;
		const char *want;
	} rows[] = {
		{ "eu-west-1", "X", "", AWS_SAGEMAKER, "https://api.sagemaker.eu-west-1.amazonaws.com" },
		{ "eu-west-1", "X", "", AWS_FEATURESTORE,
			"https://featurestore-runtime.sagemaker.eu-west-1.amazonaws.com" },
		{ "us-east-1", "X", "", AWS_S3, "https://s3.us-east-1.amazonaws.com" },
		{ "cn-north-1", "X", "", AWS_ATHENA, "https://athena.cn-north-1.amazonaws.com.cn" },
		{ "us-east-1", "AWS_USE_FIPS_ENDPOINT", "true", AWS_SAGEMAKER,
			"https://api-fips.sagemaker.us-east-1.amazonaws.com" },
		{ "us-east-1", "AWS_USE_FIPS_ENDPOINT", "true", AWS_FEATURESTORE,
			"https://featurestore-runtime-fips.sagemaker.us-east-1.amazonaws.com" },
		{ "us-east-1", "AWS_USE_DUALSTACK_ENDPOINT", "true", AWS_ATHENA,
			"https://athena.us-east-1.api.aws" },
		{ "us-east-1", "AWS_USE_DUALSTACK_ENDPOINT", "true", AWS_S3,
			"https://s3.dualstack.us-east-1.amazonaws.com" },
		{ "eu-west-1", "AWS_ENDPOINT_URL", "http://localhost:4566", AWS_STS,
			"http://localhost:4566" },
		{ "eu-west-1", "AWS_ENDPOINT_URL_SAGEMAKER_FEATURESTORE_RUNTIME", "http://[::1]:9/x",
			AWS_FEATURESTORE, "http://[::1]:9/x" },
		{ "eu-west-1", "AWS_ENDPOINT_URL_S3", "http://h", AWS_STS,
			"https://sts.eu-west-1.amazonaws.com" },
		{ "eu-west-1", "AWS_ENDPOINT_URL", "ftp://h", AWS_STS, "bad endpoint: not a URL: \"ftp://h\"" },
		{ "eu-west-1", "AWS_ENDPOINT_URL", "http://user:pw@h", AWS_STS,
			"bad endpoint: not a URL: \"http://user:pw@h\"" },
		{ "evil.com/", "X", "", AWS_STS, "bad region: \"evil.com/\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		clean();
		setenv(rows[i].name, rows[i].value, 1);
		tap_same(sl_of(host_of(rows[i].region, rows[i].s)), sl_of(rows[i].want), rows[i].name);
	}
	clean();
	setenv("AWS_DEFAULT_REGION", "eu-west-2", 1);
	tap_same(sl_of(host_of(NULL, AWS_STS)), SL("https://sts.eu-west-2.amazonaws.com"),
		"AWS_DEFAULT_REGION");
	setenv("AWS_REGION", "eu-west-3", 1);
	tap_same(sl_of(host_of(NULL, AWS_STS)), SL("https://sts.eu-west-3.amazonaws.com"),
		"AWS_REGION before it");
	clean();
	tap(strncmp(host_of(NULL, AWS_STS), "no region", 9) == 0, "no region at all");
}

/* ---- credential_process ------------------------------------------------------------------------ */

static void test_split(void)
{
	static const struct {
		const char *line, *words[6];
	} rows[] = {
		{ "", { NULL } },
		{ "  a  b\t", { "a", "b", NULL } },
		{ "a 'b c' \"d e\"", { "a", "b c", "d e", NULL } },
		{ "a'b'\"c\"d", { "abcd", NULL } },
		{ "a\\ b \\'", { "a b", "'", NULL } },
		{ "'\\' \"\\\"\\\\\\x\"", { "\\", "\"\\\\x", NULL } },
		{ "a '' \"\"", { "a", "", "", NULL } },
		{ "$HOME `x` *;|", { "$HOME", "`x`", "*;|", NULL } },
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
	snprintf(text, sizeof text, "[default]\ncredential_process = '%s/give' \"a b\" $HOME\n", dir);
	write_file("config", 0644, text);
}

static void test_process(void)
{
	clean();
	set_process("#!/bin/sh\necho SECRET-ON-STDERR >&2\n"
		"printf '{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"%s\",\"SessionToken\":\"%s\"}' "
		"\"$1\" \"$2\"\n");
	expect(&none, "P/a b/$HOME", "keys of a program, its words taken literally");
	set_process("#!/bin/sh\necho SECRET; exit 3\n");
	expect_error(&none, "ended with 3", "a program that fails");
	tap(!strstr(found(&none), "SECRET"), "what it printed is not shown");
	set_process("#!/bin/sh\necho '{\"AccessKeyId\":\"P\"}'\n");
	expect_error(&none, "no keys", "half an answer");
	set_process("#!/bin/sh\necho nonsense\n");
	expect_error(&none, "no keys", "no JSON");
	write_file("config", 0644, "[default]\ncredential_process = /nonexistent/program\n");
	expect_error(&none, "No such file", "a program that is not there");
}

/* ---- metadata, containers, roles --------------------------------------------------------------- */

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
		server_answer(fd, 200, "", "{\"Code\":\"Success\",\"AccessKeyId\":\"I\","
			"\"SecretAccessKey\":\"i\",\"Token\":\"it\",\"Expiration\":\"2099-01-01T00:00:00Z\"}");
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
		server_answer(fd, 200, "", "{\"AccessKeyId\":\"O\",\"SecretAccessKey\":\"o\",\"Token\":\"ot\","
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
	"<%sResponse><%sResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>s&amp;s"      \
	"</SecretAccessKey><SessionToken>st</SessionToken><Expiration>%s</Expiration></Credentials>"    \
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
		server_answer(fd, 403, "", "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
			"<Message>not you</Message></Error></ErrorResponse>");
	else if (web ? strcasestr(request, "\r\nauthorization:") || !strstr(request, "WebIdentityToken=a.b%2Bc")
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
		"[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = base\nexternal_id = x y\n"
		"[profile base]\naws_access_key_id = B\naws_secret_access_key = b\n"
		"[profile chain]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = default\n"
		"[profile self]\nrole_arn = r\nsource_profile = self\naws_access_key_id = S\n"
		"aws_secret_access_key = s\n"
		"[profile env]\nrole_arn = r\ncredential_source = Environment\n"
		"[profile loop]\nrole_arn = r\nsource_profile = pool\n"
		"[profile pool]\nrole_arn = r\nsource_profile = loop\n"
		"[profile both]\nrole_arn = r\nsource_profile = base\ncredential_source = Environment\n"
		"[profile neither]\nrole_arn = r\n"
		"[profile mfa]\nrole_arn = r\nsource_profile = base\nmfa_serial = m\n"
		"[profile sso]\nsso_session = x\n");
	expect(&none, "R0/s&s/st", "a role by way of another profile");
	tap(strstr(s.shared->last, "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa") &&
			strstr(s.shared->last, "ExternalId=x%20y") &&
			strstr(s.shared->last, "Credential=B/"), "asked for as it should be");
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
	expect(&(struct aws_opts){ .region = "eu-west-1", .profile = "self" }, "R4/s&s/st",
		"a role by option");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
	expect(&(struct aws_opts){ .region = "eu-west-1", .profile = "env" }, "R5/s&s/st",
		"credential_source = Environment");
	s.shared->param[1] = 1;
	expect_error(&(struct aws_opts){ .region = "eu-west-1", .profile = "self" },
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
	write_file("config", 0644, "[default]\nrole_arn = r\nweb_identity_token_file = /nonexistent\n");
	expect_error(&none, "/nonexistent", "a token file that is not there");
	server_stop(&s);
}

/* ---- refreshing ------------------------------------------------------------------------------ */

static void test_refresh(void)
{
	struct server s = server_start(sts);
	struct aws_error e = { 0 };
	struct aws_config *c;
	struct creds *cr;
	const struct aws_keys *k;

	clean();
	setenv("AWS_ENDPOINT_URL_STS", s.url, 1);
	write_file("config", 0644, "[default]\nrole_arn = r\nsource_profile = default\n"
		"aws_access_key_id = S\naws_secret_access_key = s\n");
	c = aws_config_load(&none, &e);
	cr = creds_new(c);
	for (int i = 0; i < 100; i++)
		k = creds_get(cr, &e);
	tap(k && s.shared->requests == 1, "keys are kept");
	tap(creds_expire(cr) && (k = creds_get(cr, &e)) && strcmp(k->id, "R1") == 0,
		"until the service says that they expired");
	s.shared->param[0] = 4;
	tap(creds_expire(cr) && creds_get(cr, &e) && creds_get(cr, &e) && s.shared->requests == 3,
		"keys that live for seconds are not fetched at every call");
	clock_sleep(2200000);
	tap((k = creds_get(cr, &e)) && strcmp(k->id, "R3") == 0, "but in time");
	s.shared->param[1] = 1;
	clock_sleep(2200000);
	tap((k = creds_get(cr, &e)) && strcmp(k->id, "R3") == 0 && s.shared->requests == 5,
		"when that fails early, the old ones are kept");
	clock_sleep(1200000);
	tap(!creds_get(cr, &e) && e.class == AWS_FORBIDDEN, "when it fails late, it fails");
	creds_free(cr);
	aws_config_free(c);
	server_stop(&s);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		die_errno(EX_BUG, "mkdtemp");
	test_order();
	test_files();
	test_endpoints();
	test_split();
	test_process();
	test_instance();
	test_container();
	test_roles();
	test_web_identity();
	test_refresh();
	for (size_t i = 0; i < 4; i++)
		unlink(in_dir((const char *const[]){ "config", "credentials", "give", "token" }[i]));
	rmdir(dir);
	return tap_done();
}
