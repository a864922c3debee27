/*
 * tr.h - messages in the user's language, by gettext. The only module that includes <libintl.h>.
 *
 * msg.h translates what it is given, so most messages need no mark: the text in the source is the
 * key, and texts without a translation stay as they are. What is printed otherwise goes through
 * tr(). Only messages follow the user's LC_MESSAGES: sorting, numbers and times never depend on a
 * locale. Translations are in pipelines/po/; make and make install put them where tr_init() finds
 * them.
 */
#pragma once

#include <stddef.h>

/* Chooses the language; called by msg_init(). Nothing happens for English. */
void tr_init(void);

/* The text in the user's language: static, in UTF-8. */
const char *tr(const char *text) __attribute__((format_arg(1)));

/* Puts the texts of the source back for those that tr() gave lately, where `text` has them. */
void tr_back(char *text, size_t room);

/* Marks a text in a table, for those who collect texts; it is translated where it is used. */
#define N_(text) text
