#include "fs/fs_schema.h"

#include "fs/fs_schema.json.h"
#include "stream/in.h"

#define MAX_SCHEMA ((size_t)16 << 20)

const char *const fs_schema_template = fs_schema_json_text;

/* Where a definition stands, for messages, and the code to end with. */
struct place {
	const char *what; /* file or option */
	size_t item;      /* from 1; 0: not one of many */
	enum exit_code code;
};

static NORETURN COLD void refuse(const struct place *at, struct sl name, const char *why)
{
	char item[32] = "";

	if (at->item)
		(void)snprintf(item, sizeof item, ": feature %zu", at->item);
	if (name.n)
		die(at->code, "%s%s: %s: %s", at->what, item, msg_q(name), why);
	die(at->code, "%s%s: %s", at->what, item, why);
}

static void add(struct fs_schema *s, const struct fs_feature *f, struct sl description,
	const struct place *at)
{
	const char *why = fs_feature_name_check(f->name);

	if (!why && fs_schema_find(s, f->name) != SIZE_MAX)
		why = "two features have this name";
	if (!why && s->n == FS_MAX_FEATURES)
		why = "a group has at most 2500 features";
	if (!why && f->collection == FS_VECTOR && f->type != FS_FRACTIONAL)
		why = "a Vector has Fractional elements";
	if (!why && f->collection == FS_VECTOR && (f->dimension < 1 || f->dimension > 8192))
		why = "a Vector has a dimension of 1 to 8192";
	for (size_t i = 0; !why && f->collection == FS_VECTOR && i < s->n; i++)
		if (s->features[i].collection == FS_VECTOR)
			why = "a group has one Vector at most";
	if (why)
		refuse(at, f->name, why);
	mem_grow(&s->features, &s->cap, s->n + 1, sizeof *s->features);
	mem_grow(&s->descriptions, &s->cap_descriptions, s->n + 1, sizeof *s->descriptions);
	s->features[s->n] = *f;
	s->features[s->n].name = arena_dup(&s->arena, f->name);
	s->descriptions[s->n++] = arena_dup(&s->arena, description);
}

static void add_object(struct fs_schema *s, const struct json *o, const struct place *at)
{
	const struct json *vector = json_get(json_get(o, "CollectionConfig"), "VectorConfig");
	struct fs_feature f = { .name = SL("") };
	struct sl type, text = SL("");

	if (o->kind != J_OBJ)
		refuse(at, SL(""), "not an object with FeatureName and FeatureType");
	if (!json_get_str(o, "FeatureName", &f.name))
		refuse(at, SL(""), "FeatureName is missing");
	if (!json_get_str(o, "FeatureType", &type) || !fs_type_parse(type, &f.type))
		refuse(at, f.name, "FeatureType is not String, Integral or Fractional");
	if (json_get_str(o, "CollectionType", &text) && text.n &&
		!fs_collection_parse(text, &f.collection))
		refuse(at, f.name, "CollectionType is not List, Set or Vector");
	(void)json_get_u64(vector, "Dimension", &f.dimension);
	add(s, &f, json_text(o, "Description"), at);
	text = json_text(o, "Role");
	if (sl_eq_str(text, "record identifier"))
		s->id = s->features[s->n - 1].name.p;
	else if (sl_eq_str(text, "event time"))
		s->time = s->features[s->n - 1].name.p;
}

void fs_schema_file(struct fs_schema *s, const char *path)
{
	struct in *in = in_open(path, MAX_SCHEMA);
	struct place at = { .what = in_name(in), .code = EX_DATA };
	const struct json *list;
	const char *why = NULL;
	size_t offset;

	list = json_parse(&s->arena, in_whole(in), &why, &offset);
	if (!list)
		die(EX_DATA, "%s: byte %zu: %s", at.what, offset + 1, why);
	if (list->kind != J_ARR || list->n == 0)
		refuse(&at, SL(""), "not a JSON array of features");
	for (const struct json *o = list->child; o; o = o->next) {
		at.item++;
		add_object(s, o, &at);
	}
	in_close(in);
}

void fs_schema_json(struct fs_schema *s, const char *text)
{
	struct place at = { .what = "-j", .code = EX_USAGE_ };
	const char *why = NULL;
	size_t offset;
	const struct json *o = json_parse(&s->arena, sl_of(text), &why, &offset);

	if (!o)
		die(EX_USAGE_, "-j: byte %zu: %s", offset + 1, why);
	add_object(s, o, &at);
}

static void parse_collection(struct fs_feature *f, struct sl *rest)
{
	struct sl before = *rest, word = SL(""), dimension;

	if (!sl_cut(rest, ':', &word))
		return;
	if (sl_eq(word, SL("set")) || sl_eq(word, SL("Set"))) {
		f->collection = FS_SET;
	} else if (sl_eq(word, SL("list")) || sl_eq(word, SL("List")) ||
		   sl_eq(word, SL("vector")) || sl_eq(word, SL("Vector"))) {
		struct sl behind = *rest;

		f->collection = word.p[0] == 'l' || word.p[0] == 'L' ? FS_LIST : FS_VECTOR;
		if (sl_cut(&behind, ':', &dimension) && num_u64(dimension, &f->dimension)) {
			f->collection = FS_VECTOR;
			*rest = behind;
		}
	} else {
		*rest = before; /* it is the description */
	}
}

void fs_schema_word(struct fs_schema *s, const char *word)
{
	struct place at = { .what = "-f", .code = EX_USAGE_ };
	struct fs_feature f = { .name = SL("") };
	struct sl rest = sl_of(word), type;

	if (!sl_cut(&rest, ':', &f.name) || !sl_cut(&rest, ':', &type))
		refuse(&at, sl_of(word), "must be NAME:TYPE[:list:DIMENSION|:set][:DESCRIPTION]");
	if (!fs_type_parse(type, &f.type))
		refuse(&at, f.name, "the type is not String, Integral or Fractional");
	parse_collection(&f, &rest);
	add(s, &f, rest, &at);
}

static void put_text(struct str *out, const char *member, struct sl text)
{
	if (text.n > 0)
		str_add_member(out, member, text);
}

void fs_feature_put(
	const struct fs_feature *f, struct sl description, struct sl role, struct str *out)
{
	str_addz(out, "{\"FeatureName\":");
	str_add_json(out, f->name);
	str_addf(out, ",\"FeatureType\":\"%s\"", fs_type_name(f->type));
	if (f->collection != FS_SCALAR)
		str_addf(out, ",\"CollectionType\":\"%s\"", fs_collection_name(f->collection));
	if (f->collection == FS_VECTOR)
		str_addf(out, ",\"CollectionConfig\":{\"VectorConfig\":{\"Dimension\":%llu}}",
			(unsigned long long)f->dimension);
	put_text(out, "Description", description);
	put_text(out, "Role", role);
	str_addc(out, '}');
}

void fs_schema_put(const struct fs_schema *s, size_t from, size_t to, struct str *out)
{
	str_addc(out, '[');
	for (size_t i = from; i < to; i++) {
		if (i > from)
			str_addc(out, ',');
		fs_feature_put(&s->features[i], SL(""), SL(""), out);
	}
	str_addc(out, ']');
}

size_t fs_schema_find(const struct fs_schema *s, struct sl name)
{
	for (size_t i = 0; i < s->n; i++)
		if (sl_eq(s->features[i].name, name))
			return i;
	return SIZE_MAX;
}

void fs_schema_free(struct fs_schema *s)
{
	arena_free(&s->arena);
	mem_free(s->features);
	mem_free(s->descriptions);
	*s = (struct fs_schema){ 0 };
}
