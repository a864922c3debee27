# What make makes of .sql files (src/sql.awk); that PostgreSQL takes them is t/lint/sql's to see.

load helper

# constant NAME: its text, as the compiler reads what is in x.sql.h
constant() {
	printf '#include <stdio.h>\n#include "x.sql.h"\n' >main.c
	printf 'int main(void) { return fputs(%s, stdout) < 0; }\n' "$1" >>main.c
	"${CC:-cc}" -w -o main main.c
	./main
}

@test "sql: a statement becomes a constant of its name, with the parts it names" {
	cat >parts.sql <<-'END'
		-- of the room
		-- part: mine
		a = $1
			AND b
	END
	cat >x.sql <<-'END'
		-- name: one_sql
		SELECT "x", E'\t;', '%' FROM t
			-- why
			WHERE {mine} AND ({also});

		-- part: also
		c = '{}'

		-- name: two_sql
		CREATE TABLE t (
			a int);
		INSERT INTO t VALUES (1) -- {not taken}
	END
	run_rc 1 awk -f "$root/src/sql.awk" parts.sql x.sql
	has "$err" 'x.sql:4: no such part: also'
	sed -i -e 's/ AND ({also})/ AND ({mine})/' x.sql
	run_rc 1 awk -f "$root/src/sql.awk" parts.sql x.sql
	has "$err" 'x.sql:12: a comment has a line of its own'
	sed -i -e 's/ -- {not taken}/ RETURNING {also};/' x.sql
	awk -f "$root/src/sql.awk" parts.sql x.sql >x.sql.h
	is "$(constant one_sql)" \
		"SELECT \"x\", E'\\t;', '%' FROM t WHERE a = \$1 AND b AND (a = \$1 AND b);"
	is "$(constant two_sql)" \
		"CREATE TABLE t ( a int);INSERT INTO t VALUES (1) RETURNING c = '{}';"
}
