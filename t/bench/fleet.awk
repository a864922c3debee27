# fleet.awk: the model of t/bench/fleet, which gives it the runs and says what they are.

# What a run, a row and a chunk cost, of the field `f`: from three runs, which differ in one each.
function solve(f) {
	row[f] = (v["more", f] - v["little", f]) / (v["more", "rows"] - v["little", "rows"])
	chunk[f] = v["chunks", f] - v["more", f]
	chunk[f] -= row[f] * (v["chunks", "rows"] - v["more", "rows"])
	chunk[f] /= v["chunks", "chunks"] - v["more", "chunks"]
	row[f] = row[f] > 0 ? row[f] : 0
	chunk[f] = chunk[f] > 0 ? chunk[f] : 0
	run[f] = v["little", f] - row[f] * v["little", "rows"] - chunk[f] * v["little", "chunks"]
	run[f] = run[f] > 0 ? run[f] : 0
}

function cost(f, rows, chunks) { return run[f] + row[f] * rows + chunk[f] * chunks }

# The chunks of one worker come one after the other; all workers share the cores.
function foretell(name,   seconds, cpu, n, k, w) {
	n = v[name, "rows"]
	k = v[name, "chunks"]
	w = v[name, "workers"]
	seconds = run["seconds"] + (cost("seconds", n, k) - run["seconds"]) / w
	cpu = cost("cpu", n, k)
	seconds = seconds > cpu / cores ? seconds : cpu / cores
	printf "%d worker%s %8.0f rows, %2d chunks: ", w, (w == 1 ? ", " : "s,"), n, k
	printf "seconds foretold %.1f, measured %.1f, error %+.0f %%; ", seconds,
		v[name, "seconds"], 100 * (seconds / v[name, "seconds"] - 1)
	printf "of CPU %.1f, %.1f, %+.0f %%\n", cpu, v[name, "cpu"],
		100 * (cpu / v[name, "cpu"] - 1)
}

# The lowest rate counts.
function bound(name, per_second) {
	if (per_second < rate) {
		rate = per_second
		bottleneck = name
	}
}

function plan(w, t,   sources, used) {
	sources = t < many ? t : many # a fleet's table is one table
	used = t < 8 * many ? t : 8 * many # a ship is in one target
	rate = w / each["seconds"]
	bottleneck = "workers"
	bound("source cores", sources * server / each["source"])
	bound("target cores", used * server / each["target"])
	bound("source network", sources * net * 1e9 / 8 / out)
	bound("target network", used * net * 1e9 / 8 / back)
	bound("source disk", sources * speed * 1e6 / narrow)
	bound("target disk", used * speed * 1e6 / (wal + disk))
	printf "%7d %7d %10.1f %8.1f %8.1f %8.1f %11.0f  %s\n", w, t,
		many * year / rate / 3600, rate * each["client"], rate * each["source"],
		rate * each["target"], rate / 1000, bottleneck
}

BEGIN {
	split("rows chunks workers seconds client source target others wal disk", field, " ")
}

{
	for (i = 1; i in field; i++)
		v[$1, field[i]] = $(i + 1)
	v[$1, "cpu"] = v[$1, "client"] + v[$1, "source"] + v[$1, "target"]
	taken += v[$1, "others"]
	all += cores * v[$1, "seconds"]
	name[NR] = $1
}

END {
	# beside others a clock says nothing of us; a quiet machine has one worker use two cores
	crowded = taken > all / 10
	for (i = 1; i in name && crowded; i++)
		v[name[i], "seconds"] = v[name[i], "cpu"] / cores
	split("seconds client source target cpu", costs, " ")
	for (i = 1; i in costs; i++)
		solve(costs[i])
	split(sent, s, " ")
	out = s[2] / s[1]
	back = s[3] / s[1]
	wal = v["one", "wal"] / v["one", "rows"]
	disk = v["one", "disk"] / v["one", "rows"]

	printf "\nfleet: costs, %d cores%s\n", cores, !crowded ? "" : \
		"; the machine was busy with others, so seconds are CPU seconds / cores"
	printf "%-12s %10s %10s %10s %10s\n", "", "worker s", "programs", "source", "target"
	printf "%-12s %10.2f %10.2f %10.2f %10.2f  (CPU seconds)\n", "a run", run["seconds"],
		run["client"], run["source"], run["target"]
	printf "%-12s %10.3f %10.3f %10.3f %10.3f\n", "a chunk", chunk["seconds"],
		chunk["client"], chunk["source"], chunk["target"]
	printf "%-12s %10.2f %10.2f %10.2f %10.2f\n", "1 M rows", row["seconds"] * 1e6,
		row["client"] * 1e6, row["source"] * 1e6, row["target"] * 1e6
	printf "bytes a row: %.0f out of the source, %.0f into the target, %.0f of WAL, %.1f " \
		"on disk (narrow: %d)\n\n", out, back, wal, disk, narrow
	foretell("one")
	foretell("two")

	for (i = 1; i in costs; i++)
		each[costs[i]] = row[costs[i]] + chunk[costs[i]] * ranges / year
	split("1 2 4 8 16 32 64", workers, " ")
	split("1 2 4 8 16", targets, " ")
	for (many = 1; ; many = fleets) {
		printf "\na year of %d fleet%s: %.3g rows; " \
			"on disk %.1f TB (narrow: %.1f TB), WAL %.1f TB\n", many,
			(many == 1 ? "" : "s"), many * year, many * year * disk / 1e12,
			many * year * narrow / 1e12, many * year * wal / 1e12
		printf "each server %d cores, %d Gbit/s, %d MB/s\n", server, net, speed
		printf "%7s %7s %10s %26s %11s  %s\n%7s %7s %10s %8s %8s %8s %11s\n", "workers",
			"targets", "hours", "busy cores of", "rows/s", "bottleneck", "", "", "",
			"workers", "sources", "targets", "1000"
		for (i = 1; i in workers; i++)
			for (j = 1; j in targets; j++)
				plan(workers[i], targets[j])
		if (many == fleets)
			break
	}
}
