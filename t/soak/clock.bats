load ../helper
load ../live

# What follows while its wall clock jumps, JUMPS 100.

setup() {
	helper_setup
	run='' feed='' others=''
}
teardown() { live_teardown; }

# by WAY: rows arrive while the clock of all that follows jumps, in a zone and a language in which
# little is as in UTC and English
by() {
	if [[ -f /usr/share/i18n/locales/tr_TR ]]; then
		mkdir -p locales
		localedef -i tr_TR -f UTF-8 locales/tr_TR.UTF-8
		export LOCPATH=$PWD/locales LC_ALL=tr_TR.UTF-8
	fi
	export TZ=America/New_York
	two_servers
	at_source "$root/t/telemetry" 2 10 2000 --start '2024-09-30 20:00'
	at_source "$root/t/feed" --ships 2 --channels 10 --speed 20 --sets 1
	jump 0
	ahead live --mode concurrent --follow "$1" --chunk 30m --alert-lag 60s \
		--alert-command "$PWD/told" --interval 100ms
	printf '#!/bin/sh\ncat >>%s/alerts\n' "$PWD" >told
	chmod +x told
	feed --ships 2 --channels 10 --speed 20 --sets 60 --more
	jumps "${JUMPS:-100}"
	feed_ends
	drained
	live_ends
	live --mode concurrent --follow "$1" --chunk 30m
	drained
	live_ends
	export LC_ALL=C.UTF-8 # what makes names of tables small here
	same_as_source
	[[ ! -e alerts ]] || has_no alerts behind
}

@test "soak: the clock jumps, of what follows a slot" { by slot; }
@test "soak: the clock jumps, of what polls" { by poll; }
