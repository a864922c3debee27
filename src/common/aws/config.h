/*
 * config.h - the AWS settings of this run: options, environment, the files config and credentials.
 *
 * Order: option, environment, profile, default, as the SDKs have it. Files: AWS_CONFIG_FILE
 * (~/.aws/config: [default], [profile NAME], [services NAME]) and AWS_SHARED_CREDENTIALS_FILE
 * (~/.aws/credentials: [NAME]); where both set a key, the credentials file wins. Profile: option,
 * AWS_PROFILE, AWS_DEFAULT_PROFILE, "default".
 */
#pragma once

#include "aws/error.h"
#include "core/inifile.h"
#include "core/opt.h"
#include "core/str.h"

/* What every program that talks to AWS offers. Zeroed = nothing given. */
struct aws_opts {
	const char *profile;
	const char *region;
	const char *endpoint; /* for every service; beats the environment */
	const char *ca_bundle;
	uint64_t max_attempts; /* 0: AWS_MAX_ATTEMPTS, profile, 3 */
};

#define AWS_OPTS(T, m)                                                                             \
	{ .kind = OPT_GROUP, .help = "AWS" },                                                      \
	{ .name = "profile", OPT_INTO(T, m.profile), .arg = "NAME",                                \
	  .help = "section of ~/.aws/config and credentials [$AWS_PROFILE]" },                     \
	{ .name = "region", OPT_INTO(T, m.region), .arg = "REGION",                                \
	  .help = "region, such as ap-northeast-2 [$AWS_REGION]" },                                \
	{ .name = "endpoint-url", OPT_INTO(T, m.endpoint), .arg = "URL",                           \
	  .help = "talk to this server instead of AWS [$AWS_ENDPOINT_URL]" },                      \
	{ .name = "ca-bundle", OPT_INTO(T, m.ca_bundle), .arg = "FILE", .file = OPT_READS,         \
	  .help = "certificates to trust [$AWS_CA_BUNDLE]" },                                      \
	{ .name = "max-attempts", OPT_INTO(T, m.max_attempts), .arg = "N", .min = 1, .max = 1000,  \
	  .help = "how often a request is sent [$AWS_MAX_ATTEMPTS]" }

enum aws_service {
	AWS_SAGEMAKER,
	AWS_FEATURESTORE, /* SageMaker Feature Store Runtime */
	AWS_ATHENA,
	AWS_GLUE,
	AWS_S3,
	AWS_STS,
	AWS_N_SERVICES
};

enum aws_retry_mode { AWS_RETRY_STANDARD, AWS_RETRY_ADAPTIVE };

/* Where a service answers. Strings belong to the config. */
struct aws_endpoint {
	const char *scheme;  /* "https" or "http" */
	const char *host;    /* with ":port" where it is not the scheme's own: the Host header */
	const char *path;    /* prefix before every path: "" or "/x" without a slash at the end */
	const char *signing; /* name in the credential scope: "sagemaker" */
	bool custom;         /* given by the user: S3 then uses path style */
};

struct aws_config {
	char *profile, *ca_bundle; /* ca_bundle NULL: the system's */
	bool asked_profile;        /* by an option: the keys of the environment are passed over */
	unsigned max_attempts;
	enum aws_retry_mode mode;
	/* private */
	char *asked_region, *asked_endpoint, *region;
	uint64_t asked_attempts;
	struct inifile config, credentials;
	bool fips, dual_stack;
	struct aws_resolved {
		bool known, custom;
		char *scheme, *host, *path;
	} endpoint[AWS_N_SERVICES];
};

/* Reads environment and files; NULL with *e set (AWS_CONFIG) when they contradict each other or the
 * profile asked for does not exist. A missing file is no error. */
struct aws_config *aws_config_load(const struct aws_opts *opts, struct aws_error *e) NODISCARD;
void aws_config_free(struct aws_config *c); /* wipes what was secret */

/* The value of `key` in the profile (NULL: the one in force), or NULL. */
const char *aws_config_get(const struct aws_config *c, const char *profile, const char *key);
bool aws_config_has_profile(const struct aws_config *c, const char *profile);

/* Option, AWS_REGION, AWS_DEFAULT_REGION, profile, then the instance's own by IMDS; NULL with *e
 * set when nobody knows one. Asked for once, then remembered. */
const char *aws_config_region(struct aws_config *c, struct aws_error *e) NODISCARD;

/*
 * Option, AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's `services` section, its
 * endpoint_url, else AWS's own for the region (FIPS and dual stack where asked for; the partitions
 * aws, aws-cn, aws-us-gov). False with *e set. Remembered per service.
 */
bool aws_config_endpoint(struct aws_config *c, enum aws_service s, struct aws_endpoint *out,
	struct aws_error *e) NODISCARD;

/* The host that AWS itself runs for a service in `region`, appended. */
void aws_config_host(
	const struct aws_config *c, enum aws_service s, const char *region, struct str *host);

/* A variable of the environment; NULL when it is empty, too. */
const char *aws_env(const char *name);
