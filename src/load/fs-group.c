/*
 * fs-group - feature groups themselves: list, describe, create, extend, clear, delete, measure.
 *
 * Every command is one call or a few, with the service's asynchronous states waited for. What the
 * service would refuse is refused here, before it is sent.
 */
#include "core/clock.h"
#include "fs/fs_admin.h"
#include "fs/fs_show.h"
#include "stream/out.h"

struct conf {
	struct aws_opts aws;
	struct aws *a;
	struct fs_admin admin;
	int format; /* enum report_format */
	const char *contains, *output, *schema_file, *bucket, *prefix, *price, *export;
	struct opt_list words, objects;
	int storage_type;
	bool delete_data, names;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Output" },
	{ .name = "output-format", .verbs = "list|describe|schema|size", .letter = 'o',
	  CONF(format), .choices = REPORT_FORMATS "|ndjson", .help = "of what is printed" },
	{ .name = "name-contains", .verbs = "list", CONF(contains), .arg = "TEXT",
	  .help = "only groups whose name has this in it" },
	{ .name = "names", .verbs = "list", .not_with = "output-format", CONF(names),
	  .help = "only their names, one a line" },
	{ .name = "output", .verbs = "template", .letter = 'O', CONF(output), .file = OPT_WRITES,
	  .arg = "FILE", .help = "write here instead of standard output" },
	{ .kind = OPT_GROUP, .help = "Creating" },
	{ .name = "schema-file", .verbs = "create|update", CONF(schema_file), .file = OPT_READS,
	  .arg = "FILE", .help = "features: a JSON array, see 'fs-group template'" },
	{ .name = "role-arn", .verbs = "create", .required = true, CONF(admin.role), .arg = "ARN",
	  .help = "role that the service takes to write the offline store" },
	{ .name = "description", .verbs = "create", CONF(admin.description), .arg = "TEXT",
	  .help = "of the group" },
	{ .name = "record-identifier-name", .verbs = "create", CONF(admin.id_name), .arg = "NAME",
	  .help = "feature that identifies a record (default: as the schema says, or id)" },
	{ .name = "event-time-feature-name", .verbs = "create", CONF(admin.time_name),
	  .arg = "NAME",
	  .help = "feature with the event time (default: as the schema says, or event_time)" },
	{ .name = "online-store", .verbs = "create", CONF(admin.online),
	  .help = "the group has one (default)" },
	{ .name = "offline-store", .verbs = "create", CONF(admin.offline),
	  .help = "the group has one (default)" },
	{ .name = "storage-type", .verbs = "create", CONF(storage_type),
	  .choices = "default|Standard|InMemory", .help = "of the online store" },
	{ .name = "s3-uri", .verbs = "create", .required = true, .not_with = "no-offline-store",
	  CONF(admin.s3_uri), .arg = "URI", .help = "where the offline store is to be" },
	{ .name = "ttl-duration", .verbs = "create", .not_with = "no-online-store",
	  CONF(admin.ttl_days), .arg = "DAYS", .min = 1, .max = 365,
	  .help = "records leave the online store after this" },
	{ .name = "enable-encryption", .verbs = "create", CONF(admin.encryption),
	  .help = "with a key of AWS, or that below" },
	{ .name = "encryption", CONF(admin.encryption), .hidden = true, .help = "the same" },
	{ .name = "kms-key-id", .verbs = "create", .not_with = "no-enable-encryption no-encryption",
	  CONF(admin.kms_key), .arg = "KEY", .help = "key that encrypts both stores" },
	{ .name = "table-format", .verbs = "create", CONF(admin.table_kind),
	  .choices = "Glue|Iceberg", .help = "of the offline store" },
	{ .name = "throughput-mode", .verbs = "create", CONF(admin.throughput),
	  .choices = "OnDemand|Provisioned", .help = "of the online store" },
	{ .name = "read-capacity-units", .verbs = "create",
	  .needs = "throughput-mode=Provisioned write-capacity-units", CONF(admin.read_units),
	  .arg = "N", .max = 10000000, .help = "when Provisioned" },
	{ .name = "write-capacity-units", .verbs = "create",
	  .needs = "throughput-mode=Provisioned read-capacity-units", CONF(admin.write_units),
	  .arg = "N", .max = 10000000, .help = "when Provisioned" },
	{ .name = "tags", .verbs = "create|tags", CONF(admin.tags), .arg = "NAME=VALUE",
	  .help = "tag of the group; may be repeated" },
	{ .kind = OPT_GROUP, .help = "Adding features" },
	{ .name = "feature", .verbs = "update", .letter = 'f', CONF(words),
	  .arg = "NAME:TYPE[:list:DIM|:set][:DESCRIPTION]", .help = "a feature; may be repeated" },
	{ .name = "json", .verbs = "update", .letter = 'j', CONF(objects), .arg = "OBJECT",
	  .help = "a feature as in the schema file; may be repeated" },
	{ .kind = OPT_GROUP, .help = "Deleting and clearing" },
	{ .name = "delete-data", .verbs = "delete", .weakens = true, CONF(delete_data),
	  .help = "the offline store's objects and table, too (default)" },
	{ .name = "keep-data", .verbs = "delete", CONF(admin.keep_data),
	  .help = "leave the offline store's objects and table" },
	{ .name = "backup-s3", .verbs = "clear|backup", CONF(admin.backup), .arg = "URI",
	  .help = "copy the objects there (first)" },
	{ .name = "copied", .verbs = "clear", CONF(admin.copied), .arg = "URI", .hidden = true,
	  .help = "only objects that a backup has there" },
	{ .name = "where", .verbs = "clear", CONF(admin.where), .arg = "SQL", .hidden = true,
	  .help = "only these rows, of an Iceberg table" },
	{ .name = "try-deleting", .verbs = "clear", .needs = "dry-run", CONF(admin.try_deleting),
	  .hidden = true, .help = "find out whether objects may be deleted" },
	{ .name = "s3-output-location", CONF(admin.athena_output), .arg = "URI",
	  .help = "where Athena keeps what statements print (default: the workgroup's)" },
	{ .name = "workgroup", CONF(admin.workgroup), .arg = "NAME",
	  .help = "of Athena (default primary)" },
	{ .kind = OPT_GROUP, .help = "Any change" },
	{ .name = "dry-run", .letter = 'n', CONF(admin.dry_run),
	  .help = "only say what would happen" },
	{ .name = "wait", CONF(admin.wait), .help = "until the service is done (default)" },
	{ .name = "wait-timeout", CONF(admin.wait_timeout), .arg = "TIME", .unit = CLOCK_US_PER_SEC,
	  .help = "for that long at most (default 30m)" },
	{ .kind = OPT_GROUP, .help = "Size" },
	{ .name = "bucket", .verbs = "size", CONF(bucket), .arg = "NAME",
	  .help = "of what is in this bucket, instead of a group" },
	{ .name = "prefix", .verbs = "size", CONF(prefix), .arg = "KEY", .help = "below this" },
	{ .name = "export", .verbs = "size", CONF(export), .file = OPT_WRITES, .arg = "FILE",
	  .help = "write CSV files, too: FILE, and by month NAME-monthly.csv" },
	{ .name = "price", .verbs = "size", CONF(price), .arg = "USD",
	  .help = "of one GiB a month of class STANDARD (default 0.025)" },
	AWS_OPTS(struct conf, aws),
	OPT_END,
};

static const struct opt_program program = {
	.name = "fs-group",
	.summary = "list, describe, create, extend, clear and delete feature groups",
	.synopsis = "[options] list\n"
		    "[options] describe|schema|size|delete|clear|backup GROUP\n"
		    "[options] create GROUP --schema-file FILE --role-arn ARN --s3-uri URI\n"
		    "[options] update GROUP [FILE | -f NAME:TYPE… | -j OBJECT…]\n"
		    "[options] tags ARN [--tags NAME=VALUE]…\n"
		    "[options] size --bucket NAME [--prefix KEY]\n"
		    "[options] template",
		    "  fs-group template > features.json\n"
		    "  fs-group update customers -f score:Fractional -f visits:Integral\n"
		    "  fs-group clear customers --dry-run\n",
	.opts = options,
};

static void template(struct conf *conf, char **word UNUSED)
{
	struct out *out = out_open(conf->output, 0);

	out_put(out, sl_of(fs_schema_template));
	out_close(out);
}

static void create(struct conf *conf, char **word)
{
	static const char *const types[] = { NULL, "Standard", "InMemory" };
	struct fs_schema s = { 0 };

	if (!conf->schema_file)
		opt_usage("--schema-file is needed");
	conf->admin.storage_type = types[conf->storage_type];
	fs_schema_file(&s, conf->schema_file);
	if (!conf->admin.id_name)
		conf->admin.id_name = s.id ? s.id : FS_ID_NAME;
	if (!conf->admin.time_name)
		conf->admin.time_name = s.time ? s.time : FS_TIME_NAME;
	fs_admin_create(conf->a, word[0], &s, &conf->admin);
	fs_schema_free(&s);
}

static void update(struct conf *conf, char **word)
{
	const char *file = word[1] ? word[1] : conf->schema_file;
	struct fs_schema s = { 0 };

	if ((file != NULL) + (conf->words.n > 0) + (conf->objects.n > 0) != 1)
		opt_usage("the features come from one of: FILE, -f, -j");
	if (file)
		fs_schema_file(&s, file);
	for (size_t i = 0; i < conf->words.n; i++)
		fs_schema_word(&s, conf->words.v[i].p);
	for (size_t i = 0; i < conf->objects.n; i++)
		fs_schema_json(&s, conf->objects.v[i].p);
	fs_admin_add(conf->a, word[0], &s, &conf->admin);
	fs_schema_free(&s);
}

static void size(struct conf *conf, char **word)
{
	enum report_format format = (enum report_format)conf->format;
	double price;

	if ((word[0] != NULL) == (conf->bucket != NULL))
		opt_usage("size of what? a GROUP, or --bucket and --prefix");
	if (conf->export && strcmp(conf->export, "-") == 0)
		opt_usage("--export: standard output has the report already; -o csv makes it CSV");
	if (!num_double(sl_of(conf->price), &price) || !(price >= 0))
		opt_usage("--price: not a price: %s", msg_q(sl_of(conf->price)));
	if (word[0])
		fs_show_size(conf->a, word[0], price, format, conf->export);
	else
		fs_show_prefix(conf->a, conf->bucket, conf->prefix ? conf->prefix : "", price,
			format, conf->export);
}

#define COMMANDS "list|describe|schema|create|update|delete|clear|size|tags|template"

static const struct command {
	const char *name;
	int min, max; /* operands */
	void (*run)(struct conf *conf, char **word);
	/* or one of these, of one group */
	void (*show)(struct aws *a, const char *group, enum report_format format);
	void (*change)(struct aws *a, const char *group, const struct fs_admin *o);
} commands[] = {
	{ "list", 0, 0, .show = fs_show_list },
	{ "describe", 1, 1, .show = fs_show_group },
	{ "schema", 1, 1, .show = fs_show_schema },
	{ "create", 1, 1, .run = create },
	{ "update", 1, 2, .run = update },
	{ "delete", 1, 1, .change = fs_admin_delete },
	{ "clear", 1, 1, .change = fs_admin_clear },
	{ "backup", 1, 1, .change = fs_admin_backup },
	{ "tags", 1, 1, .change = fs_admin_tags },
	{ "size", 0, 1, .run = size },
	{ "template", 0, 0, .run = template },
};

int main(int argc, char **argv)
{
	struct conf conf = { .admin = { .online = true,
				     .offline = true,
				     .wait = true,
				     .workgroup = "primary",
				     .wait_timeout = 1800 * CLOCK_US_PER_SEC },
		.contains = "",
		.price = "0.025",
		.delete_data = true };

	opt_parse(&program, &conf, &argc, &argv);
	conf.admin.keep_data |= !conf.delete_data;
	if (argc == 0)
		opt_usage("which command?");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct command *c = &commands[i];

		if (strcmp(argv[0], c->name) != 0)
			continue;
		if (argc - 1 < c->min || argc - 1 > c->max)
			opt_usage("%s takes %s", c->name,
				c->max == 0 ? "no operand" : "the name of one group");
		argv[argc] = NULL;
		if (c->run != template)
			conf.a = aws_need(&conf.aws);
		if (conf.names)
			fs_show_names(conf.a, conf.contains);
		else if (c->show)
			c->show(conf.a, argc > 1 ? argv[1] : conf.contains,
				(enum report_format)conf.format);
		else if (c->change)
			c->change(conf.a, argv[1], &conf.admin);
		else
			c->run(&conf, argv + 1);
		if (conf.a)
			aws_close(conf.a);
		return EX_DONE;
	}
	opt_verb_unknown(COMMANDS, argv[0]);
}
