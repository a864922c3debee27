#include "core/html.h"

#include "core/utf8.h"

static const char *reference(char c)
{
	return c == '&'	   ? "&amp;"
	       : c == '<'  ? "&lt;"
	       : c == '>'  ? "&gt;"
	       : c == '"'  ? "&quot;"
	       : c == '\'' ? "&#39;"
	       : c == '\n' ? "\\n"
	       : c == '\t' ? "\\t"
			   : NULL;
}

void html_add(struct str *out, struct sl text)
{
	for (size_t i = 0, n; i < text.n; i += n ? n : 1) {
		const char *name = reference(text.p[i]);

		n = utf8_char(text.p + i, text.n - i);
		if (name)
			str_addz(out, name);
		else if (!msg_acts(text.p + i, n))
			str_add(out, (struct sl){ text.p + i, n });
		else
			for (size_t k = 0; k < (n ? n : 1); k++)
				str_addf(out, "\\x%02x", (unsigned char)text.p[i + k]);
	}
}
