/*
 * opt_shell.h - the command line of a front door, a shell script, read as those of programs are.
 *
 *	PROGRAM --front-door NAME [WORD...] <TABLE 3>ANSWER
 *
 * where PROGRAM is any of ours, TABLE the text of the front door's --help, and the words are its
 * own command line. --help, --version and mistakes end as with any program. Otherwise the answer is
 * texts that each end in NUL, two for each option: name and value, in the order of the table, and
 * of the command line where one may be repeated. Flags have the value 1, or 0 for --no-NAME.
 * Operands have the name "--"; the last pair is "end" and "". After --help and mistakes the only
 * pair is "exit" and the exit code. Nothing of it is ever parsed again.
 *
 * The first line of the table says what the front door is for, the second is "usage: SYNOPSIS".
 * Behind it every line that begins with blanks and dashes is an option, as --help prints it:
 *
 *	  -c, --cutoff-time=TIME {needs mode=realtime} {...}   text
 *
 * TIME, DURATION and N are checked, as is A|B, other values are taken as they are; [=A] may be left
 * out. Braces, which --help does not show, have members of struct opt: {needs CONDITION...},
 * {not-with CONDITION...}, {1..999}, {a|b} choices, {unit MICROSECONDS}, {list}, {weakens},
 * {hidden}. A line "verbs a|b" says what the first operand may be. All other lines are only
 * printed.
 */
#pragma once

#include "core/base.h"

#define FRONT_DOOR "front-door"

/* Does the above: argv[1] is NAME, the words follow. */
void opt_shell(int argc, char **argv) NORETURN COLD;
