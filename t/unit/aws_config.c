/* Configuration: the two files, regions, endpoints. */
#include "home.h"
#include "tap.h"

/* ---- files --------------------------------------------------------------------------------- */

static void test_files(void)
{
	struct aws_error e = {0};
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
	c = aws_config_load(&(struct aws_opts){.profile = "with blank"}, &e);
	if (tap(c, "a config file with everything in it")) {
		tap_same(sl_of(aws_config_region(c, &e)), SL("eu-north-1"),
			"a profile with a blank");
		tap(!aws_config_get(c, NULL, "empty"), "an empty value is none");
		tap_same(sl_of(aws_config_get(c, "default", "s3.addressing_style")), SL("path"),
			"a nested value");
		tap_same(sl_of(aws_config_get(c, "default", "region")), SL("ap-northeast-2"),
			"CR LF");
		aws_config_free(c);
	}
	c = aws_config_load(&(struct aws_opts){.profile = "custom"}, &e);
	if (tap(c, "a profile with services")) {
		tap(aws_config_endpoint(c, AWS_SAGEMAKER, &to, &e) && to.custom, "its endpoint");
		tap_same(sl_of(to.host), SL("127.0.0.1:1"), "host");
		tap_same(sl_of(to.path), SL("/sm"), "path");
		tap(aws_config_endpoint(c, AWS_FEATURESTORE, &to, &e), "another");
		tap_same(sl_of(to.host), SL("h"), "the scheme's own port is left out");
		tap_same(sl_of(to.signing), SL("sagemaker"), "signed as sagemaker");
		tap(aws_config_endpoint(c, AWS_ATHENA, &to, &e) && strcmp(to.host, "e") == 0,
			"the profile's endpoint for the rest");
		tap(c->max_attempts == 7 &&
				c->mode == AWS_RETRY_ADAPTIVE,
			"retry settings");
		aws_config_free(c);
	}
	write_file("config", 0644, "[ \"\" default ]\nregion = eu-west-3\n");
	c = aws_config_load(&(struct aws_opts){0}, &e);
	if (tap(c, "nothing in quotes, before a name")) {
		tap_same(sl_of(aws_config_region(c, &e)), SL("eu-west-3"), "is no blank of it");
		aws_config_free(c);
	}
	write_file("config", 0644, "[default]\nregion eu-west-1\n");
	expect_error(&none, "line 2", "a line that is nothing");
	write_file("config", 0644, "region = eu-west-1\n");
	expect_error(&none, "line 1", "a key outside of any section");
}

/* ---- regions and endpoints ----------------------------------------------------------------- */

static void test_endpoints(void)
{
	static const struct {
		const char *region, *name, *value;
		enum aws_service s;
		const char *want;
	} rows[] = {
		{"eu-west-1", "X", "", AWS_SAGEMAKER,
			"https://api.sagemaker.eu-west-1.amazonaws.com"},
		{"eu-west-1", "X", "", AWS_FEATURESTORE,
			"https://featurestore-runtime.sagemaker.eu-west-1.amazonaws.com"},
		{"us-east-1", "X", "", AWS_S3, "https://s3.us-east-1.amazonaws.com"},
		{"cn-north-1", "X", "", AWS_ATHENA, "https://athena.cn-north-1.amazonaws.com.cn"},
		{"us-east-1", "AWS_USE_FIPS_ENDPOINT", "true", AWS_SAGEMAKER,
			"https://api-fips.sagemaker.us-east-1.amazonaws.com"},
		{"us-east-1", "AWS_USE_FIPS_ENDPOINT", "true", AWS_FEATURESTORE,
			"https://featurestore-runtime-fips.sagemaker.us-east-1.amazonaws.com"},
		{"us-east-1", "AWS_USE_DUALSTACK_ENDPOINT", "true", AWS_ATHENA,
			"https://athena.us-east-1.api.aws"},
		{"us-east-1", "AWS_USE_DUALSTACK_ENDPOINT", "true", AWS_S3,
			"https://s3.dualstack.us-east-1.amazonaws.com"},
		{"eu-west-1", "AWS_ENDPOINT_URL", "http://localhost:4566", AWS_STS,
			"http://localhost:4566"},
		{"eu-west-1", "AWS_ENDPOINT_URL_SAGEMAKER_FEATURESTORE_RUNTIME", "http://[::1]:9/x",
			AWS_FEATURESTORE, "http://[::1]:9/x"},
		{"eu-west-1", "AWS_ENDPOINT_URL_S3", "http://h", AWS_STS,
			"https://sts.eu-west-1.amazonaws.com"},
		{"eu-west-1", "AWS_ENDPOINT_URL", "ftp://h", AWS_STS,
			"bad endpoint: not a URL: \"ftp://h\""},
		{"eu-west-1", "AWS_ENDPOINT_URL", "http://user:pw@h", AWS_STS,
			"bad endpoint: not a URL: \"http://user:pw@h\""},
		{"evil.com/", "X", "", AWS_STS, "bad region: \"evil.com/\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		clean();
		setenv(rows[i].name, rows[i].value, 1);
		tap_same(sl_of(host_of(rows[i].region, rows[i].s)), sl_of(rows[i].want),
			rows[i].name);
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

int main(void)
{
	home_begin();
	test_files();
	test_endpoints();
	home_end();
	return tap_done();
}
