# pg-wide-web: the ledger as a page, live and in a file.
load helper

setup() { helper_setup; }

# One job for all: three ships, six chunks, of which one failed, one waits and one is at work; texts
# that would like to be markup.
setup_file() {
	scratch_db
	"$root/t/telemetry" 3 10 3000
	pg-wide-ledger plan --cutoff-time 2024-10-03 --chunk 15m
	pg-narrow-dump --job 1 --seal | pivot-wide | pg-copy-load --wide
	sql "UPDATE ferry.chunk SET state = 'failed', failures = 3, finished_at = NULL, rows = NULL,
			cells = NULL, error = '<img src=x onerror=alert(1)>' || chr(8238) || chr(10)
		WHERE (ship, chunk_from) = (SELECT max(ship), max(chunk_from) FROM ferry.chunk);
		INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state) VALUES
			(1, '\"><script>alert(1)</script>', '2024-10-01', '2024-10-02',
				'pending'),
			(1, chr(8238) || 'bidi' || chr(27) || '[31m', '2024-10-01', '2024-10-02',
				'running');
		INSERT INTO ferry.reject (job_id, ship, chunk_from, attempt, worker, record, why)
			SELECT 1, 'A', '2024-10-01', 1, 'w', '{\"a\": \"</td><b>{{now}}\"}',
				'<i>no value' FROM generate_series(1, 1234);
		INSERT INTO ferry.event (job_id, level, ship, message) VALUES
			(1, 'CRITICAL', 'x''\"&', '<script src=//evil.example></script>');
		UPDATE ferry.job SET source_table = '<b>t'"
}
teardown_file() { helper_teardown_file; }

# page FILE: the texts that a reader of HTML finds, each with its section, a row a line; fails where
# there is markup that is not ours
page() {
	python3 - "$1" <<-'END'
		import html.parser, sys
		known = set("""html head meta title style body main nav section h1 h2 p a span b
		    small dl dt dd div progress table caption thead tbody tr th td svg rect figure
		    figcaption code script""".split())
		names = set("""id class lang charset http-equiv content name href max value scope
		    colspan viewbox preserveaspectratio role aria-label x y width height
		    hidden""".split())
		class Page(html.parser.HTMLParser):
		    stack, at = [], ""
		    def handle_starttag(self, tag, attrs):
		        assert tag in known, tag
		        for name, value in attrs:
		            assert name in names, (tag, name)
		            if name == "id": self.at = value
		            if name == "href": assert value[0] == "/" != value[1:2], value
		        if tag != "meta": self.stack.append(tag)
		        if tag in ("tr", "dt"): print()
		    def handle_endtag(self, tag):
		        assert self.stack.pop() == tag, (tag, self.getpos())
		    def handle_data(self, data):
		        if self.stack and self.stack[-1] in ("style", "script"): return
		        assert all(c.isprintable() or c == "\n" for c in data), data
		        if data.strip(): print(self.at, data.strip(), sep="|", end="|")
		p = Page(convert_charrefs=True)
		p.feed(open(sys.argv[1], encoding="utf-8").read())
		p.close()
		assert not p.stack, p.stack
		print()
	END
}

# serve OPTION...: in the background; $url leads to it
serve() {
	pg-wide-web --listen 127.0.0.1:0 "$@" 2>web.err &
	web=$!
	wait_until 10 grep -q 'http://.*:[0-9]' web.err
	url=$(sed -n 's|.*\(http://[0-9.]*:[0-9]*\)/.*|\1|p' web.err)
}
teardown() { [[ ! ${web-} ]] || kill "$web" 2>/dev/null || :; }
code() { curl -s -m 20 -o body -w '%{http_code}' "$@"; }

@test "web: the figures of a report are those of the ledger, and hostile texts stay text" {
	run_ok pg-wide-web --job 1 --report -O r.html
	page r.html >got
	# tiles, by SQL
	IFS='|' read -r ready all failed rows cells wide repeated < <(sql "SELECT
		count(*) FILTER (WHERE state = 'done'), count(*),
		count(*) FILTER (WHERE state = 'failed'), to_char(sum(rows), 'FM9,999,999'),
		to_char(sum(cells - dropped), 'FM9,999,999'),
		to_char(sum(wide_rows), 'FM9,999,999'), to_char(sum(dropped), 'FM9,999,999')
		FROM ferry.chunk")
	has got "total|$((ready * 100 / all)) %|total|$ready / $all chunks|" \
		"total|failed chunks|total|$failed|" "total|rows|total|$rows|" \
		"total|cells|total|$cells|" "total|wide rows|total|$wide|" \
		"total|repeated|total|$repeated|"
	# ships: each as status has it
	pg-wide-ledger status --job 1 -f json | jq -r '.ships[] | select(.rows > 0) |
		[.ship, .status, "\(.done) / \(.done + .failed + .left)", .failed, .rows, .cells,
		.wide_rows, .repeated, .rejects, .rows_per_second] | join("|")' >want
	[[ -s want ]]
	sed -n -e 's/|ships|/|/g' -e 's/,//g' -e 's/^ships|//p' got | cut -d '|' -f 1-10 |
		grep -xF -f want >found || :
	same_file found want
	has got 'rejects|<i>no value|rejects|1,234|rejects|1|rejects|{"a": "</td><b>{{now}}"}|' \
		'failed|<img src=x onerror=alert(1)>\xe2\x80\xae\n|' \
		'events|<script src=//evil.example></script>|' \
		'map|"><script>alert(1)</script>|' 'map|\xe2\x80\xaebidi\x1b[31m|' 'head|<b>t|' \
		"goals|data that was carried over|goals|100 %|goals|" 'goals|not met|' \
		'goals|typical queries against before|goals|≥ 50 % less|goals|–|goals|not measured|'
	# a square for each chunk, in the colour of its state
	is "$(grep -o '<rect class="[a-z]*"' r.html | sort | uniq -c | awk '{print $3, $1}')" \
		"$(sql "SELECT format('class=\"%s\" %s', state, count(*)) FROM ferry.chunk
			GROUP BY state ORDER BY state")"
	has_no r.html '<script' 'http://' 'https://' 'href='
	has r.html "default-src &#39;none&#39;" '<html lang="en">'
	run_ok env -u LC_ALL LANG=ko_KR.UTF-8 pg-wide-web --job 1 --report
	page "$out" >korean
	has korean '진행 상황' '성공 지표' '측정 안 함'
	has "$out" '<html lang="ko">'
	grep -oP '<h2>\K[^<]*|<dt>\K[^<]*|scope="col"[^>]*>\K[^<]+' "$out" |
		grep -vP '[\x{AC00}-\x{D7A3}]' >english || :
	is "$(<english)" ''
	run_rc 78 pg-wide-web --report --table other.table
	has "$err" 'no job in the ledger'
	run_rc 73 pg-wide-web --job 1 --report -O nowhere/r.html
}

@test "web: what comes live, as status has it, and its indicators" {
	sql "INSERT INTO ferry.follower (job_id, kind, slot, worker, lease_until, at,
			newest_commit, rows, cells, wide_rows, rejects)
		VALUES (1, 'slot', 'ferry_1', 'x', now() + interval '1 hour',
			'2024-11-02 00:00:05Z', '2024-11-02 00:00:04.75', 70000, 60, 5, 1);
		INSERT INTO ferry.follow_ship (job_id, ship, rows, cells, wide_rows, dropped,
			deleted, rejects, first_time, last_time, newest_commit, at)
		VALUES (1, 'LIVE', 69999, 60, 5, 0, 1, 1, '2024-11-01', '2024-11-02',
			'2024-11-02 00:00:04', '2024-11-02 00:00:06.5Z'),
			(1, 'NONE', 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL)"
	pg-wide-web --job 1 --report -O r.html
	pg-wide-ledger status --job 1 -f json >status.json
	sql "DELETE FROM ferry.follower; DELETE FROM ferry.follow_ship"
	page r.html >got
	is "$(jq -c '.ships[] | select(.ship == "LIVE") |
		[.status, .live_rows, .lag_seconds]' status.json)" '["live",69999,0.25]'
	has got 'ships|LIVE|ships|live|ships|0 / 0|' 'ships|69,999|ships|0.250 s|' \
		'ships|NONE|ships|live|' 'ships|0|ships|–|' \
		'accuracy of live data|goals|≥ 99.9 %|goals|99.998 %|goals|met|' \
		'delay of live data|goals|≤ 1 s|goals|2.500 s|goals|not met|'
}

@test "web: pages, metrics and status, to those who ask by our name" {
	serve --job 1 --host ship-db:80
	is "$(code "$url/job/1")" 200
	page body >live
	pg-wide-web --job 1 --report -O r.html
	page r.html >report
	# but for the minutes at which the last hour begins and ends
	lasting() {
		grep -E '^(total|map|goals|ships|failed)' "$1" |
			sed -E 's/(the last hour[^|]*)(\|rate\|[0-9: -]+( UTC)?){2}/\1/'
	}
	lasting report >want
	grep -qE 'the last hour, at most [0-9,]+\|ships\|' want
	lasting live | same_file - want
	is "$(code "$url/")" 200
	page body >list
	has list 'jobs|<b>t|'
	curl -s "$url/metrics" >got
	pg-wide-ledger status --job 1 -f prometheus >want
	same_file got want
	curl -s "$url/job/1/status.json" >got
	pg-wide-ledger status --job 1 -f json >want
	same_file got want
	is "$(code "$url/healthz") $(code "$url/favicon.ico") $(code -I "$url/")" '200 200 200'
	is "$(code "$url/job/2") $(code "$url/job/x") $(code "$url/job/1/healthz")" '404 404 404'
	for each in evil.example ship-db.evil.example:80 ship-db 127.0.0.1 ''; do
		is "$(code -H "Host: $each" "$url/") $(code -H "Host: $each" "$url/job/1/events")" \
			'403 403' "$each"
	done
	is "$(code -H 'Host: Ship-DB:80' "$url/") $(code -H 'Host: localhost' "$url/")" '200 200'
	local port=${url##*:} answer tcp
	exec {tcp}<>"/dev/tcp/127.0.0.1/${port%/}"
	printf 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n' >&"$tcp"
	IFS= read -r -t 20 answer <&"$tcp"
	exec {tcp}>&-
	[[ $answer == *' 40'[03]* ]] # whose host it is nobody knows
	is "$(code -X POST -d x=y "$url/") $(code -X DELETE "$url/job/1")" '405 405'
	is "$(code -H "X: $(printf '%020000d' 0)" "$url/")" 431
	is "$(code -D head "$url/job/1")" 200
	has head "Content-Security-Policy: default-src 'none';" 'X-Content-Type-Options: nosniff' \
		'Cache-Control: no-store'
	# the hashes are those of what is there
	for each in style script; do
		hash=$(python3 -c 'import base64, hashlib, re, sys
text = re.search("<%s>(.*?)</" % sys.argv[1], open("body").read(), re.S)[1]
print(base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())' "$each")
		has head "$each-src 'sha256-$hash'"
	done
	# a large job, whose page comes in pieces; it is rolled back then
	sql "INSERT INTO ferry.job SELECT (json_populate_record(j, '{\"job_id\": 7,
		\"target_prefix\": \"x\"}')).* FROM ferry.job AS j;
		INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to)
		SELECT 7, 'S' || s, d, d + interval '1 day' FROM generate_series(1, 40) AS s,
			generate_series(timestamp '2024-01-01', '2024-08-31', '1 day') AS d"
	is "$(code "$url/job/7")" 200
	is "$(grep -o '<rect class="pending"' body | wc -l)" "$((40 * 244))"
	curl -sN "$url/job/7/events" >events &
	wait_until 10 grep -q 'id="now"' events
	sql 'DELETE FROM ferry.job WHERE job_id = 7'
	wait_until 10 grep -q 'id="away"><p role="status">there is no such job any more' events
	kill $!
	is "$(code "$url/job/7")" 404
	# jobs that are not there take no room from one that comes
	code "$url/job/[100-1149]" | grep -o '...' | sort | uniq -c | xargs >codes
	is "$(<codes)" '1050 404'
	sql "INSERT INTO ferry.job SELECT (json_populate_record(j, '{\"job_id\": 8,
		\"target_prefix\": \"y\"}')).* FROM ferry.job AS j"
	is "$(code "$url/job/8") $(code "$url/job/1")" '200 200'
	# who reads the ledger for it can be killed
	local i
	answers() { [[ $(code "$url/healthz") == 200 && $(pgrep -P "$web") ]]; }
	for i in 1 2; do
		wait_until 10 answers
		kill -KILL "$(pgrep -P "$web")"
	done
	wait_until 10 answers
	kill "$web"
	wait "$web"
}

@test "web: fifty open pages get what changes, and hear of a target that goes and comes" {
	serve --job 1
	python3 - "$url" >heard <<-'END' &
		import socket, sys, time
		host, port = sys.argv[1][7:].split(":")
		open_ = []
		for i in range(50):
		    s = socket.create_connection((host, int(port)), timeout=60)
		    s.sendall(b"GET /job/1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		    open_.append([s, b""])
		def all_hear(what, say):
		    for one in open_:
		        while what not in one[1]:
		            got = one[0].recv(65536)
		            assert got, "closed"
		            one[1] += got
		        one[1] = b""
		    print(say, flush=True)
		all_hear(b'id="now"', "all")
		all_hear(b"changed by a test", "changed")
		all_hear(b'<section id="away"><p role="status">', "away")
		all_hear(b'<section id="away" hidden>', "back")
	END
	wait_until 30 grep -q all heard
	sql "INSERT INTO ferry.event (job_id, level, message)
		VALUES (1, 'INFO', 'changed by a test')"
	wait_until 30 grep -q changed heard
	local name=$PGDATABASE
	PGDATABASE=postgres sql "ALTER DATABASE \"$name\" ALLOW_CONNECTIONS false"
	PGDATABASE=postgres sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = '$name'" >ended
	wait_until 30 grep -q away heard
	is "$(code "$url/healthz") $(code "$url/metrics") $(code "$url/job/1")" '503 503 200'
	grep -q '<section id="away"><p' body
	PGDATABASE=postgres sql "ALTER DATABASE \"$name\" ALLOW_CONNECTIONS true"
	wait_until 30 grep -q back heard
	is "$(code "$url/healthz")" 200
	has web.err 'the target cannot be read: '
	is "$(wc -l <web.err)" 2 "$(<web.err)"
	# it goes with a signal, also where pages are open
	kill "$web"
	wait "$web"
}

@test "web: a password where others reach it; addresses that are none, or taken" {
	(umask 077 && echo 0123456789abcdef >token)
	serve --token-file token
	for each in x:0123456789abcdeF x: x:0123456789abcdef0; do
		is "$(code -u "$each" "$url/") $(code -u "$each" "$url/metrics")" '401 401'
	done
	is "$(code "$url/") $(code "$url/job/1/events")" '401 401'
	is "$(code -u x:0123456789abcdef "$url/") $(code -u :0123456789abcdef "$url/x")" '200 404'
	has_no web.err 0123456789abcdef
	run_rc 69 pg-wide-web --listen "${url#http://}"
	has "$err" 'cannot listen'
	run_rc 64 pg-wide-web --listen 0.0.0.0:0
	has "$err" '--token-file is needed'
	run_rc 64 pg-wide-web --listen '[::]:0'
	run_rc 64 pg-wide-web --listen localhost
	run_rc 64 pg-wide-web --listen 127.0.0.1:70000
	run_rc 64 pg-wide-web --listen 127.0.0.1:0x20
	run_rc 78 pg-wide-web --listen 127.0.0.1:0 --table no.table
	chmod 640 token
	run_rc 77 pg-wide-web --token-file token
	chmod 600 token
	echo short >token
	run_rc 78 pg-wide-web --token-file token
	run_rc 66 pg-wide-web --token-file none
}

@test "web: the front door's modes, and the page goes with it" {
	run_ok narrow-to-wide --mode report --table '<b>t' -O r.html
	page r.html >got
	has got 'head|<b>t|'
	run_rc 64 narrow-to-wide --mode report --ship-id A
	MARK=$BATS_TEST_TMPDIR narrow-to-wide --mode web --listen 127.0.0.1:0 2>web.err &
	web=$!
	wait_until 10 grep -q 'http://.*:[0-9]' web.err
	kill -KILL "$web"
	wait_until 10 none_left "$BATS_TEST_TMPDIR"
	MARK=$BATS_TEST_TMPDIR narrow-to-wide --mode web --listen 127.0.0.1:0 2>web.err &
	web=$!
	wait_until 10 grep -q 'http://.*:[0-9]' web.err
	kill "$web"
	wait "$web" || is "$?" 143
	wait_until 10 none_left "$BATS_TEST_TMPDIR"
}
