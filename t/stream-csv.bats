load helper

# CSV against an independent reader, and at sizes no unit test has.

# random_files [WITHOUT]: files in$i.csv, 14 of them or with WHOLE=1 40 ($files), what they mean in
# want$i.json, and compare.py, which compares that with got$i.json. They are made of pieces, WITHOUT
# one of them.
random_files() {
	export files=14
	[[ ! ${WHOLE-} ]] || files=40
	cat >make.py <<-'END'
		import csv, io, json, os, random, sys
		pieces = ['', 'a', ' ', '007', '"', '""', ',', '\n', '\r\n', '\r', 'é', '한',
		          '\\', "'", '{', '\\.', '\t', 'x' * 300]
		pieces = [p for p in pieces if p not in sys.argv[2:]]
		def text():
		    return ''.join(random.choice(pieces) for _ in range(random.randrange(5)))
		def make(number, seed):
		    random.seed(seed)
		    width = random.randrange(1, 8)
		    end = random.choice(['\n', '\r\n'])
		    rows, out = [], [','.join('c%d' % i for i in range(width)) + end]
		    for _ in range(random.randrange(40)):
		        row, cells = [], []
		        for _ in range(width):
		            v = None if random.random() < 0.1 else text()
		            row.append(v)
		            special = v is not None and (v == '' or any(c in v for c in ',"\r\n'))
		            quote = special or v is not None and random.random() < 0.2
		            cells.append('"' + v.replace('"', '""') + '"' if quote else v or '')
		        rows.append(row)
		        out.append(','.join(cells) + end)
		    data = ''.join(out)
		    open('in%d.csv' % number, 'w', newline='').write(data)
		    with open('want%d.json' % number, 'w') as f:
		        for row in rows:
		            f.write(json.dumps({'c%d' % i: v for i, v in enumerate(row)}) + '\n')
		    # a blank line is a record of one NULL here, and nothing to Python
		    python = [r for r in csv.reader(io.StringIO(data, newline=''), strict=True)][1:]
		    mine = [[v or '' for v in row] for row in rows]
		    assert [r or [''] for r in python] == mine, 'Python reads other records'
		for number in range(int(os.environ['files'])):
		    make(number, int(sys.argv[1]) + number)
	END
	cat >compare.py <<-'END'
		import json, os
		for number in range(int(os.environ['files'])):
		    got = [json.loads(line) for line in open('got%d.json' % number, newline='\n')]
		    want = [json.loads(line) for line in open('want%d.json' % number, newline='\n')]
		    assert got == want, (number, got, want)
	END
	python3 make.py "$FERRY_SEED" "$@"
}

@test "csv: random files read as they were meant, and as Python reads them" {
	need python3
	random_files
	for ((i = 0; i < files; i++)); do
		cp "in$i.csv" in.csv
		run_ok reformat -o ndjson in.csv
		cp "$out" got.json
		cp "$out" "got$i.json"
		# and there and back: only the need for quotes and the line ends may differ
		run_ok reformat in.csv
		cp "$out" once.csv
		run_ok reformat once.csv
		same_file "$out" once.csv
		if [[ -s got.json ]]; then
			run_ok reformat -o csv got.json
			same_file "$out" once.csv
		else
			run_rc 65 reformat -o csv got.json
		fi
		run_pipe '0 0' 'dd if=in.csv bs=17 status=none | reformat -o ndjson'
		same_file "$out" got.json
	done
	python3 compare.py
}

@test "csv: random files read as PostgreSQL's COPY reads them" {
	local i header

	need python3
	random_files '\.' # alone on a line that ends the data, even within quotes
	scratch_db
	for ((i = 0; i < files; i++)); do
		header=$(head -n 1 "in$i.csv")
		header=${header%$'\r'}
		printf 'CREATE TEMP TABLE t%d (%s text);\n' "$i" "${header//,/ text, }"
		printf '\\copy t%d FROM in%d.csv (FORMAT csv, HEADER)\n' "$i" "$i"
		printf '\\o got%d.json\nSELECT row_to_json(t) FROM t%d t ORDER BY ctid;\n' "$i" "$i"
	done >read.sql
	sql <read.sql
	python3 compare.py
}

@test "csv: random garbage is refused or read, never more" {
	need python3
	cat >garbage.py <<-'END'
		import random, sys
		pieces = [b'a', b',', b'"', b'\n', b'\r', b'\r\n', b'""', b'\0', b'\xff',
		          b'\xc3\xa9', b'{', b'}', b':', b'[', b'1', b'@seal',
		          b'{"v":1,"seal":"x"}', b'\xef\xbb\xbf', b'\\', b'\x1f\x8b']
		for number in range(60):
		    random.seed(int(sys.argv[1]) + number)
		    text = [random.choice(pieces) for _ in range(random.randrange(60))]
		    open('garbage%d' % number, 'wb').write(b''.join(text))
	END
	python3 garbage.py "$FERRY_SEED"
	for ((i = 0; i < ${WHOLE:+40} + 20; i++)); do
		for format in auto csv ndjson json; do
			rc=0
			timeout 20 reformat -i "$format" -o csv --rejects bad <"garbage$i" >"$out" \
				2>"$err" || rc=$?
			[[ $rc == 0 || $rc == 65 || $rc == 76 ]] || {
				printf 'garbage %d, %s: exit %d\n' "$i" "$format" "$rc"
				show_output
				return 1
			}
			((rc == 0)) || continue
			cp "$out" taken
			[[ ! -s taken ]] || run_ok reformat -i csv taken
		done
	done
}

@test "csv: a field of 70 MB against --max-record" {
	{
		printf 'a,b\n1,"'
		head -c 70000000 /dev/zero | tr '\0' x
		printf '"\n2,y\n'
	} >big.csv
	run_rc 65 reformat big.csv
	has "$err" 'a record is larger than 67108864 bytes' '--max-record allows larger ones'
	run_rc 65 bash -c '/usr/bin/time -f %M -o kb reformat --max-record 1M <big.csv'
	has "$err" 'a record is larger than 1048576 bytes'
	(($(tail -n 1 kb) < 16384)) || no_sanitizer "memory is theirs"
	run_ok reformat --max-record 128M big.csv
	tr -d '"' <big.csv >want
	cmp "$out" want
	run_pipe '0 0' 'cat big.csv | reformat --max-record 128M -o ndjson'
	is "$(wc -c <"$out")" 70000035
}

@test "csv: memory does not grow with the input, nor with columns that repeat" {
	awk 'BEGIN { print "a,b"
		for (i = 0; i < 1000000; i++) print i ",\"quoted, text\"" }' >big.csv
	by_turns 2 '-o csv' '-o ndjson' '-o json' '-z 1' '--numbers a -o ndjson'
	for options in "${turns[@]}"; do
		run_ok bash -c "/usr/bin/time -f %M -o kb reformat $options <big.csv >/dev/null"
		(($(<kb) < 12288)) || no_sanitizer "memory is theirs"
	done
}
