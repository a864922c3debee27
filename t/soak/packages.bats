# Packages, tarball and image: made, installed in fresh roots, used there, and taken away again.
# As root, with a mirror of Debian (MIRROR); builds and downloads, so many minutes.
load ../helper

mirror=${MIRROR:-http://deb.debian.org/debian}

RUN_TIMEOUT=7200 # a package is built in a minute or two, if nobody else is at work

# sources PLACE: a fresh copy of the sources there, without git; all are of one moment
sources() {
	local tarball=$BATS_FILE_TMPDIR/ferry.tar.gz

	[[ -f $tarball ]] || cp "$root/$("$root/pipelines/packaging/dist")" "$tarball"
	mkdir -p "$1"
	tar -xzf "$tarball" -C "$1" --strip-components=1
}

# packages: those made once, for all tests here
packages() {
	made=$BATS_FILE_TMPDIR/made
	[[ ! -d $made/build/deb ]] || return 0
	sources "$made"
	make -C "$made" deb >"$BATS_FILE_TMPDIR/lintian" 2>&1
}

# fresh SUITE [PACKAGES]: a root in $place, with apt
fresh() {
	place=$BATS_FILE_TMPDIR/$1
	[[ ! -d $place ]] || return 0
	mmdebstrap --quiet --variant=apt ${2:+--include="$2"} "$1" "$place" "$mirror"
	cp /etc/resolv.conf "$place/etc"
	printf '#!/bin/sh\nexit 101\n' >"$place/usr/sbin/policy-rc.d"
	chmod +x "$place/usr/sbin/policy-rc.d"
}

# within SCRIPT: runs it with bash in $place, as root; what it mounts goes with it
within() {
	printf 'set -Eeuo pipefail\n%s\n' "$1" >"$place/var/tmp/script"
	# shellcheck disable=SC2016  # for the shell
	unshare --mount --pid --fork bash -ec 'mount -t proc proc "$1/proc"
		mount --rbind /dev "$1/dev"
		exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			bash /var/tmp/script' - "$place"
}

@test "packages: the same to the last bit from other places, hours, umasks and languages" {
	((EUID == 0)) || skip 'not as root'
	packages
	# nothing to say but where they are
	is "$(grep -vE '^(build/deb/.*\.deb|make.*)$' "$BATS_FILE_TMPDIR/lintian")" ''
	local other=$BATS_FILE_TMPDIR/quite/another/place each n=0
	sources "$other"
	(
		umask 077
		TZ=Asia/Seoul LANG=ko_KR.UTF-8 LC_ALL='' run_rc 0 make -C "$other" deb
	)
	for each in "$made"/build/deb/*.deb; do
		cmp "$each" "$other/build/deb/${each##*/}"
		n=$((n + 1))
	done
	is "$n" 7 # each program's with its debugging symbols
	stat -c '%n %s bytes' "$made"/build/deb/*.deb | sed 's|.*/||' >&3
}

@test "packages: installed, used and purged in a fresh root" {
	((EUID == 0)) || skip 'not as root'
	need mmdebstrap
	packages
	fresh bookworm
	find "$place" -xdev -iname '*ferry*' | sort >before
	cp "$made"/build/deb/ferry_*.deb "$made"/build/deb/ferry-doc_*.deb "$place/var/tmp"
	mkdir -p "$place/var/tmp/t"
	cp "$root"/t/telemetry "$root"/t/telemetry.sql "$root"/t/channels.sql "$place/var/tmp/t"
	run_rc 0 within 'mkdir -p /etc/postgresql-common/createcluster.d
		echo create_main_cluster = false >/etc/postgresql-common/createcluster.d/no.conf
		apt-get -q update
		apt-get -qy --no-install-recommends install systemd postgresql /var/tmp/*.deb
		dpkg --audit; dpkg --verify ferry ferry-doc'
	# its user and folders are there, nothing is enabled, and all libraries are found
	run_rc 0 within 'getent passwd ferry | cut -d : -f 6,7
		stat -c "%a %U:%G %n" /etc/ferry /var/lib/ferry
		find /etc/systemd -lname "*ferry*"
		ldd /usr/bin/pg-copy-load /usr/bin/fs-put | grep "not found" || :
		systemd-analyze verify --man=no /usr/lib/systemd/system/ferry-*@.timer
		grep -rl /usr/local /usr/lib/systemd/system/ferry-* /usr/share/ferry/examples || :'
	is "$(<"$out")" '/var/lib/ferry:/usr/sbin/nologin
750 root:ferry /etc/ferry
750 ferry:ferry /var/lib/ferry'
	is "$(<"$err")" ''
	# a migration, by that user, in a server of its own
	cat >"$place/var/tmp/try" <<-'END'
		set -Eeuo pipefail
		cluster=/usr/share/ferry/lib/cluster
		"$cluster" start "$HOME/try"
		export $("$cluster" env "$HOME/try")
		trap '"$cluster" stop "$HOME/try"' EXIT
		/var/tmp/t/telemetry 2 10 2000
		narrow-to-wide --mode migration-only --cutoff-time "2030-01-01"
		narrow-to-wide --mode validate
		rows=0
		for each in $(psql -Atc "SELECT relname FROM pg_class WHERE relkind = 'r'
			AND relname ~ '^tbl_data_timeseries_'"); do
			rows=$((rows + $(psql -Atc "SELECT count(*) FROM tenant.$each")))
		done
		printf '%s rows, %s\n' "$rows" "$(psql -Atc "SELECT count(DISTINCT
			(ship_id, created_time)) FROM tenant.tbl_data_timeseries")" >"$HOME/counted"
		printf 'k,n,v\n1,a,x\n1,b,y\n' | pivot-wide -k k -n n -V v >"$HOME/pivoted"
	END
	run_rc 0 within 'setpriv --reuid ferry --regid ferry --init-groups env HOME=/var/lib/ferry \
			bash /var/tmp/try >&2
		cat /var/lib/ferry/pivoted /var/lib/ferry/counted'
	sed -i 's/^\([1-9][0-9]*\) rows, \1$/equal/' "$out"
	is "$(<"$out")" $'k,a,b\n1,x,y\nequal'
	# what has libraries of its own comes with packages of its own
	run_rc 0 within 'for each in pg-wide-web kafka-dump kafka-put; do
			! command -v "$each"
		done
		mkdir /var/tmp/more'
	cp "$made"/build/deb/ferry-{web,kafka}_*.deb "$place/var/tmp/more"
	run_rc 0 within 'apt-get -qy --no-install-recommends install /var/tmp/more/*.deb
		dpkg --audit; dpkg --verify ferry ferry-web ferry-kafka
		for each in pg-wide-web kafka-dump kafka-put; do "$each" --version | head -n 1; done
		rm -r /var/tmp/more'
	is "$(grep -cE '^(pg-wide-web|kafka-dump|kafka-put) ' "$out")" 3
	# and away
	run_rc 0 within 'apt-get -qy purge ferry ferry-doc ferry-web ferry-kafka
		rm -rf /var/tmp/*.deb /var/tmp/t; find /etc/ferry /var/lib/ferry 2>/dev/null || :'
	find "$place" -xdev -iname '*ferry*' | sort >after
	same_file after before
}

# debian_13: a root of it, with the sources
debian_13() {
	fresh trixie
	[[ ! -d $place/var/tmp/ferry ]] || return 0
	sources "$place/var/tmp/ferry"
	# with a locale: its gettext takes C.UTF-8 for English, whatever LANGUAGE says
	run_rc 0 within 'apt-get -q update
		apt-get -qy --no-install-recommends install make locales
		echo ko_KR.UTF-8 UTF-8 >/etc/locale.gen
		locale-gen'
}

@test "packages: the tarball builds, and checks, in a root of Debian 13" {
	((EUID == 0)) || skip 'not as root'
	need mmdebstrap
	debian_13
	run_rc 0 within 'cd /var/tmp/ferry
		make all units
		make check-install'
	has "$out" 'check-install: '
}

# An hour or two, where nobody else is at work: what is there of PostgreSQL, from loading to the
# front door, with the server, the psql, the libpq and the pgbouncer of Debian 13.
@test "packages: the tests of PostgreSQL pass under PostgreSQL 17, in a root of Debian 13" {
	((EUID == 0)) || skip 'not as root'
	need mmdebstrap
	debian_13
	run_rc 0 within 'cd /var/tmp/ferry
		make check T="$(echo t/load-table.bats t/load-wide*.bats t/extract-pg-*.bats \
			t/pipelines-{narrow-to-wide,live,pool,roles}.bats t/versions.bats)"
		/usr/lib/postgresql/17/bin/postgres --version'
	has "$out" 'postgres (PostgreSQL) 17.'
	tail -n 2 "$out" | sed -n 's/^[0-9]* passed, 0 failed.*/# &/p' >&3
	grep -qE '^[1-9][0-9]* passed, 0 failed, ' "$out"
}

@test "packages: an image is small, runs as ferry, and speaks Korean" {
	((EUID == 0)) || skip 'not as root'
	need mmdebstrap
	need buildah
	packages
	run_rc 0 make -C "$made" image
	local image size container
	read -r image size _ < <(tail -n 1 "$out")
	printf '%s: %s bytes\n' "${image##*/}" "$size" >&3
	((size <= 60000000))
	export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
	storage() { buildah --root "$PWD/storage" --runroot "$PWD/storage/run" "$@"; }
	container=$(storage from "oci-archive:$made/$image")
	run_rc 0 storage run "$container" -- sh -c 'id -un; pwd; touch here && rm here
		psql --version | cut -d " " -f 2
		printf "k,n,v\n1,a,x\n" | pivot-wide -k k -n n -V v
		LANGUAGE=ko fs nonsense 2>&1 | head -n 1; touch /usr/bin/x 2>/dev/null || echo shut'
	is "$(<"$out")" $'ferry\n/var/lib/ferry\n(PostgreSQL)\nk,a\n1,x
fs: 오류: 없는 명령: nonsense\nshut'
	storage rm --all >/dev/null
}
