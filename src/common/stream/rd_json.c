/* rd_json.c - finding one's way in a large JSON text: where a value ends, without reading it. */
#include "stream/rd_impl.h"

bool rd_skip_space(struct rd *rd, char *c)
{
	for (;;) {
		struct sl w = in_window(rd->in);
		uint64_t lines = 0;
		size_t n = 0;

		while (n < w.n && memchr(" \t\n\r", w.p[n], 4))
			lines += w.p[n++] == '\n';
		rd_take(rd, n, lines);
		if (n < w.n) {
			*c = w.p[n];
			return true;
		}
		if (!rd_more(rd))
			return false;
	}
}

bool rd_find_value(struct rd *rd, struct rd_piece *p)
{
	size_t i = 0, depth = 0;
	bool in_string = false;

	for (;;) {
		size_t n = in_window(rd->in).n;
		char *w = rd->in->buf + rd->in->start;

		for (; i < n; i++) {
			if (in_string && w[i] == '\\') {
				i++;
			} else if (w[i] == '"') {
				in_string = !in_string;
			} else if (in_string) {
				continue;
			} else if (depth == 0 &&
				   (w[i] == ',' || w[i] == ']' || w[i] == '}' || w[i] == ':')) {
				*p = (struct rd_piece){{w, i}, i, p->lines, false};
				return true;
			} else if (w[i] == '[' || w[i] == '{') {
				depth++;
			} else if (w[i] == ']' || w[i] == '}') {
				depth--;
			} else if (w[i] == '\n' || w[i] == '\r') {
				p->lines += w[i] == '\n';
				w[i] = ' ';
			}
		}
		if (!rd_more(rd))
			return false;
	}
}
