# The page in a real browser: what it shows at the end of a migration that it has watched.
load ../helper

# nothing of a test that fails outlives it
teardown() { kill ${web:+"$web"} ${browser:+"$browser"} 2>/dev/null || :; }

@test "web: a browser watches a migration to its end, and has the figures of the ledger" {
	need chromium
	scratch_db
	"$root/t/telemetry" 3 50 30000
	pg-wide-ledger plan --cutoff-time 2024-10-03 --chunk 1m
	pg-wide-web --listen 127.0.0.1:0 2>web.err 3>&- &
	web=$!
	wait_until 10 grep -q 'http://.*:[0-9]' web.err
	url=$(sed -n 's|.*\(http://[0-9.]*:[0-9]*\)/.*|\1|p' web.err)
	# the page goes on without being loaded again, and then to the end
	local now='document.querySelector("#now").textContent'
	"$root/t/browser" "$url/job/1" dom \
		"$now != (window.began = window.began || $now)" \
		'document.querySelector("#head .word").textContent == "completed"' \
		'document.querySelector("#away").hidden' >steps 2>complaints 3>&- &
	browser=$!
	wait_until 60 grep -qx 1 steps
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE state = 'done'")" 0
	pg-narrow-dump --job 1 --seal | pivot-wide | pg-copy-load --wide
	wait "$browser"
	IFS='|' read -r all rows cells < <(sql "SELECT count(*), to_char(sum(rows), 'FM9,999,999'),
		to_char(sum(cells - dropped), 'FM9,999,999') FROM ferry.chunk")
	has dom "<b>100 %</b> <small>$all / $all chunks</small>" \
		"<dt>rows</dt><dd><b>$rows</b>" "<dt>cells</dt><dd><b>$cells</b>"
	is "$(grep -o '<rect class="done"' dom | wc -l)" "$all"
	# the policy lets through what is ours, and nothing else was asked for
	is "$(<complaints)" ''
	kill "$web"
	wait "$web"
}
