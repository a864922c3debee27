#include "aws/config.h"

#include "aws/fetch.h"

#include <errno.h>

#define DEFAULT_ATTEMPTS 3

/* Source: endpoint prefixes, signing names and service ids of botocore's models. The names of hosts
 * for FIPS put "-fips" behind the first label but one. */
static const struct service {
	const char *signing, *first, *rest; /* first[-fips]rest.REGION.SUFFIX */
	const char *env, *section;
} services[] = {
	[AWS_SAGEMAKER] = {"sagemaker", "api", ".sagemaker", "SAGEMAKER", "sagemaker"},
	[AWS_FEATURESTORE] = {"sagemaker", "featurestore-runtime", ".sagemaker",
		"SAGEMAKER_FEATURESTORE_RUNTIME", "sagemaker_featurestore_runtime"},
	[AWS_ATHENA] = {"athena", "athena", "", "ATHENA", "athena"},
	[AWS_GLUE] = {"glue", "glue", "", "GLUE", "glue"},
	[AWS_S3] = {"s3", "s3", "", "S3", "s3"},
	[AWS_STS] = {"sts", "sts", "", "STS", "sts"},
};

const char *aws_env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static bool is_true(const char *text)
{
	return text && strcasecmp(text, "true") == 0;
}

/* ---- the files ----------------------------------------------------------------------------- */

static void section_of(const char *profile, struct str *s)
{
	str_clear(s);
	if (strcmp(profile, "default") != 0)
		str_addz(s, "profile ");
	str_addz(s, profile);
}

/* [default] and, as older tools wrote it, [profile default]. */
static const char *config_get(const struct aws_config *c, const char *profile, const char *key)
{
	AUTO_STR section = {0};
	const char *v;

	section_of(profile, &section);
	v = inifile_get(&c->config, str_z(&section), key);
	if (!v && strcmp(profile, "default") == 0)
		v = inifile_get(&c->config, "profile default", key);
	return v;
}

const char *aws_config_get(const struct aws_config *c, const char *profile, const char *key)
{
	const char *v;

	if (!profile)
		profile = c->profile;
	v = inifile_get(&c->credentials, profile, key);
	if (!v)
		v = config_get(c, profile, key);
	return v && *v ? v : NULL;
}

bool aws_config_has_profile(const struct aws_config *c, const char *profile)
{
	AUTO_STR section = {0};

	section_of(profile, &section);
	return inifile_has(&c->credentials, profile) || inifile_has(&c->config, str_z(&section)) ||
	      (strcmp(profile, "default") == 0 && inifile_has(&c->config, "profile default"));
}

static bool read_file(
	struct inifile *f, const char *name, const char *otherwise, struct aws_error *e)
{
	const char *path = aws_env(name), *home = aws_env("HOME");
	AUTO_STR s = {0};
	unsigned line;
	bool good = true;

	if (path && strncmp(path, "~/", 2) != 0)
		str_addz(&s, path);
	else if (home)
		str_addf(&s, "%s/%s", home, path ? path + 2 : otherwise);
	if (s.n && !inifile_read(f, str_z(&s), &line)) {
		good = false;
		if (line)
			aws_error_set(e, AWS_CONFIG, str_z(&s),
				"line %u: neither [section] nor key = value", line);
		else
			aws_error_set(e, AWS_CONFIG, str_z(&s), "%s", strerror(errno));
	}
	return good;
}

/* ---- settings ------------------------------------------------------------------------------ */

/* Option, environment, profile. */
static const char *setting(
	const struct aws_config *c, const char *option, const char *variable, const char *key)
{
	if (option && *option)
		return option;
	if (aws_env(variable))
		return aws_env(variable);
	return aws_config_get(c, NULL, key);
}

static bool read_attempts(struct aws_config *c, struct aws_error *e)
{
	const char *text = setting(c, NULL, "AWS_MAX_ATTEMPTS", "max_attempts");
	const char *mode = setting(c, NULL, "AWS_RETRY_MODE", "retry_mode");
	uint64_t n = DEFAULT_ATTEMPTS;

	if (c->asked_attempts)
		n = c->asked_attempts;
	else if (text && (!num_u64(sl_of(text), &n) || n == 0 || n > 1000))
		return aws_error_set(
			e, AWS_CONFIG, "AWS_MAX_ATTEMPTS", "not a number from 1 to 1000");
	c->max_attempts = (unsigned)n;
	/* "legacy" is the SDKs' oldest mode; what it lacks nobody misses. */
	if (mode && strcasecmp(mode, "adaptive") == 0)
		c->mode = AWS_RETRY_ADAPTIVE;
	else if (mode && strcasecmp(mode, "standard") != 0 && strcasecmp(mode, "legacy") != 0)
		return aws_error_set(
			e, AWS_CONFIG, "AWS_RETRY_MODE", "neither standard nor adaptive");
	return true;
}

static bool check_profile(const struct aws_config *c, struct aws_error *e)
{
	bool asked = c->asked_profile || aws_env("AWS_PROFILE") || aws_env("AWS_DEFAULT_PROFILE");

	if (!asked || aws_config_has_profile(c, c->profile))
		return true;
	return aws_error_set(e, AWS_CONFIG, "no such profile", "%s", msg_q(sl_of(c->profile)));
}

struct aws_config *aws_config_load(const struct aws_opts *opts, struct aws_error *e)
{
	struct aws_config *c = mem_zalloc(sizeof *c);
	const char *name, *ca;

	e->operation[0] = '\0';
	c->asked_profile = opts->profile != NULL;
	c->asked_attempts = opts->max_attempts;
	if (opts->region && *opts->region)
		c->asked_region = mem_strdup(opts->region);
	if (opts->endpoint && *opts->endpoint)
		c->asked_endpoint = mem_strdup(opts->endpoint);
	name = opts->profile ? opts->profile : aws_env("AWS_PROFILE");
	if (!name)
		name = aws_env("AWS_DEFAULT_PROFILE");
	c->profile = mem_strdup(name ? name : "default");
	if (!read_file(&c->config, "AWS_CONFIG_FILE", ".aws/config", e) ||
		!read_file(&c->credentials, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", e) ||
		!check_profile(c, e) || !read_attempts(c, e)) {
		aws_config_free(c);
		return NULL;
	}
	ca = setting(c, opts->ca_bundle, "AWS_CA_BUNDLE", "ca_bundle");
	c->ca_bundle = ca ? mem_strdup(ca) : NULL;
	c->fips = is_true(setting(c, NULL, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"));
	c->dual_stack =
		is_true(setting(c, NULL, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"));
	return c;
}

void aws_config_free(struct aws_config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < AWS_N_SERVICES; i++) {
		mem_free(c->endpoint[i].scheme);
		mem_free(c->endpoint[i].host);
		mem_free(c->endpoint[i].path);
	}
	inifile_free(&c->config);
	inifile_free(&c->credentials);
	mem_free(c->asked_region);
	mem_free(c->asked_endpoint);
	mem_free(c->profile);
	mem_free(c->region);
	mem_free(c->ca_bundle);
	mem_free(c);
}

/* ---- region -------------------------------------------------------------------------------- */

/* It becomes a part of a host name: nothing else may come in with it. */
static bool is_region(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

const char *aws_config_region(struct aws_config *c, struct aws_error *e)
{
	AUTO_STR found = {0};
	const char *r;

	if (c->region)
		return c->region;
	r = c->asked_region ? c->asked_region : aws_env("AWS_REGION");
	if (!r)
		r = aws_env("AWS_DEFAULT_REGION");
	if (!r)
		r = aws_config_get(c, NULL, "region");
	if (!r && imds_enabled() && imds_get("meta-data/placement/region", &found, e))
		r = str_z(&found);
	if (!r)
		aws_error_set(e, AWS_CONFIG, "no region",
			"give --region, set AWS_REGION, or put region into the profile %s",
			msg_q(sl_of(c->profile)));
	else if (!is_region(r))
		aws_error_set(e, AWS_CONFIG, "bad region", "%s", msg_q(sl_of(r)));
	else
		c->region = mem_strdup(r);
	return c->region;
}

/* ---- endpoints ----------------------------------------------------------------------------- */

static const char *custom_url(const struct aws_config *c, enum aws_service s)
{
	const char *list, *v;
	AUTO_STR name = {0};

	if (c->asked_endpoint)
		return c->asked_endpoint;
	if (is_true(setting(c, NULL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		    "ignore_configured_endpoint_urls")))
		return NULL;
	str_addf(&name, "AWS_ENDPOINT_URL_%s", services[s].env);
	v = aws_env(str_z(&name));
	if (!v)
		v = aws_env("AWS_ENDPOINT_URL");
	list = aws_config_get(c, NULL, "services");
	if (!v && list) {
		AUTO_STR section = {0};

		str_addf(&section, "services %s", list);
		str_clear(&name);
		str_addf(&name, "%s.endpoint_url", services[s].section);
		v = inifile_get(&c->config, str_z(&section), str_z(&name));
	}
	return v && *v ? v : aws_config_get(c, NULL, "endpoint_url");
}

/* Source: botocore's partitions.json. */
void aws_config_host(
	const struct aws_config *c, enum aws_service s, const char *region, struct str *host)
{
	bool china = strncmp(region, "cn-", 3) == 0;
	const char *suffix = china ? "amazonaws.com.cn" : "amazonaws.com";

	str_addf(host, "%s%s%s", services[s].first, c->fips ? "-fips" : "", services[s].rest);
	if (c->dual_stack && s == AWS_S3)
		str_addz(host, ".dualstack");
	else if (c->dual_stack)
		suffix = china ? "api.amazonwebservices.com.cn" : "api.aws";
	str_addf(host, ".%s.%s", region, suffix);
}

static bool resolve(struct aws_config *c, enum aws_service s, struct aws_error *e)
{
	struct aws_resolved *r = &c->endpoint[s];
	const char *url = custom_url(c, s);
	AUTO_STR host = {0};

	if (!aws_config_region(c, e))
		return false;
	if (url) {
		if (c->fips || c->dual_stack)
			return aws_error_set(e, AWS_CONFIG, "endpoint",
				"FIPS or dual stack and an endpoint of one's own exclude each "
				"other");
		if (!fetch_parse_url(url, &r->scheme, &r->host, &r->path))
			return aws_error_set(e, AWS_CONFIG, "bad endpoint", "not a URL: %s",
				msg_q(sl_of(url)));
		r->custom = true;
	} else {
		aws_config_host(c, s, c->region, &host);
		r->scheme = mem_strdup("https");
		r->host = mem_strdup(str_z(&host));
		r->path = mem_strdup("");
	}
	r->known = true;
	return true;
}

bool aws_config_endpoint(
	struct aws_config *c, enum aws_service s, struct aws_endpoint *out, struct aws_error *e)
{
	const struct aws_resolved *r = &c->endpoint[s];

	if (!r->known && !resolve(c, s, e))
		return false;
	*out = (struct aws_endpoint){r->scheme, r->host, r->path, services[s].signing, r->custom};
	return true;
}
