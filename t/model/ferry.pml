/*
 * ferry.pml - the protocol of workers, loaders, ledger, follower and repair, for spin(1).
 *
 * It says what the code does: a comment `code: NAME...` at a step names the functions it stands
 * for, and t/model.bats wants them to be in the source. A step is one statement or one COMMIT;
 * statements of which nobody else can see the one without the other are one step. Between two steps
 * anybody else may go on, and everything may be killed.
 *
 * A chunk is one cell of the wide tables here. Chunks 0 and 1 are planned; the ship of chunk 2 gets
 * its first row later, and then a chunk, too, or a worker that reads the range of chunk 1 meets it.
 * Values are numbers, newer ones are higher, and 0 is none.
 *
 * Not in it: polling; seals and digests, which make a chunk arrive whole or not at all; chunks that
 * take several transactions; a slot that is lost; chunks that are given up for good; deadlocks,
 * which the server ends.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef CHANGES
#define CHANGES 2 /* transactions of the source while all this goes on */
#endif
/*
 * Of any process, at any step: it is killed; it fails, or gives its chunk back; or a lease runs
 * out, or its owner is taken for dead, while his loader works on.
 */
#ifndef TROUBLES
#define TROUBLES 2
#endif
#define CHUNKS 3
#define NEW 2   /* the chunk that nobody has planned yet */
#define RANGE 1 /* whoever reads this one meets it */

/*
 * Mutants: what the code must not do without. NO_FENCE and NO_LIVE_FENCE commit a chunk that
 * another has taken over; NO_LEASE takes one over while its worker lives; ACK_EARLY acknowledges
 * before COMMIT; NO_WAIT hands on what others do not see yet; NO_DOUBT forgets that a deletion met
 * a chunk being read, NO_MET where its ship has none; PAST_WINS lets the past write over what came
 * live.
 */
#ifdef NO_FENCE
#define OURS(c, w, n) true
#else
#define OURS(c, w, n) (state[c] == RUNNING && owner[c] == w && attempt[c] == n)
#endif
#ifdef NO_LEASE
#define IS_FREE(c) true
#else
#define IS_FREE(c) (!lease[c] || owner[c] == DEAD)
#endif
#ifdef NO_WAIT
#define FOLLOWED written
#else
#define FOLLOWED seen
#endif

#define NOBODY 0
#define DEAD 9
#define REPAIR 8 /* who holds a lock: 1 and up a worker, 4 and 5 a live loader */
#define LOADER(k) (4 + k)

/* ---- the source ------------------------------------------------------------------------------ */

byte src[CHUNKS];   /* what a reader sees */
byte written, seen; /* changes: in the stream, visible */
byte cell[CHANGES + 1], value[CHANGES + 1];
byte confirmed;     /* what the source may forget */

/* ---- the target, as it is committed ---------------------------------------------------------- */

#define NONE 0
#define PENDING 1
#define RUNNING 2
#define DONE 3

byte wide[CHUNKS];
byte state[CHUNKS], owner[CHUNKS], attempt[CHUNKS];
bool lease[CHUNKS];
byte finished[CHUNKS];     /* commits that said so */
byte doubt[CHUNKS];        /* rows of ferry.doubt */
bool aged[CHUNKS];         /* done for more than ten minutes */
byte upto, reader_attempt; /* of ferry.follower */

byte chunk_lock[CHUNKS], cell_lock[CHUNKS], follower_lock;

/* ---- the processes --------------------------------------------------------------------------- */

#define IDLE 0

byte at[WORKERS + 1]; /* from 1 on */
#define CLAIMED 1
#define READ 2
#define MERGED 3

byte live[2]; /* loaders: of this follower, and of the one before, which may still be at work */
#define LIVE_HELD 1
#define LIVE_MERGED 2
#define ADVANCED 3
#define COMMITTED 4

bool following;
byte turn;                /* which of the two loaders the reader feeds */
byte ack;                 /* the file --ack */
byte sent[2], sent_by[2]; /* a sealed chunk in the pipe to each, and the reader's attempt */

byte mending; /* the repair */
#define LOOKING 1
#define LOOKED 2
#define FILLING 3
#define LOCKED 4
#define ASKED 5

byte troubles = TROUBLES;

inline free_locks(who, i)
{
	for (i : 0 .. CHUNKS - 1) {
		if :: chunk_lock[i] == who -> chunk_lock[i] = NOBODY :: else fi;
		if :: cell_lock[i] == who -> cell_lock[i] = NOBODY :: else fi
	}
	i = 0
}

/* ---- source: an application that writes ------------------------------------------------------ */

/* A row that is there, with what is written and not seen yet. */
#define LAST(c) (written > 1 && cell[1] == c -> value[1] : \
	(written > 0 && cell[0] == c -> value[0] : src[c]))

inline see()
{
	src[cell[seen]] = value[seen];
	seen++
}

inline write(c, v)
{
	cell[written] = c;
	value[written] = v;
	written++;
#ifndef NO_WAIT
	see()
#endif
}

proctype source()
{
	do
	:: d_step { written < CHANGES -> write(0, written + 2) }
	:: d_step { written < CHANGES -> write(NEW, written + 2) }
	:: d_step { written < CHANGES && LAST(0) -> write(0, 0) }
	:: d_step { written < CHANGES && LAST(NEW) -> write(NEW, 0) }
#ifdef NO_WAIT
	/* COMMIT is in the stream before others see it; who waits for that cannot tell */
	:: d_step { seen < written -> see() }
#endif
	:: seen == CHANGES -> break
	od
}

/* ---- planner: the same command again --------------------------------------------------------- */

proctype planner()
{
end:	atomic { state[NEW] == NONE && src[NEW] -> /* code: ledger_plan ledger_ships_find */
		state[NEW] = PENDING }
}

/* ---- time ------------------------------------------------------------------------------------ */

proctype clock()
{
end:	do
	:: d_step { troubles > 0 && state[0] == RUNNING && lease[0] ->
		troubles--;
		lease[0] = false } /* code: ledger_worker_is_dead */
	:: d_step { troubles > 0 && state[1] == RUNNING && lease[1] ->
		troubles--;
		lease[1] = false }
	:: d_step { state[0] == RUNNING && !lease[0] && owner[0] != DEAD && !chunk_lock[0] ->
		lease[0] = true } /* code: renew ledger_keeper_start */
	:: d_step { state[1] == RUNNING && !lease[1] && owner[1] != DEAD && !chunk_lock[1] ->
		lease[1] = true }
#ifdef AGES
	:: d_step { state[0] == DONE && !aged[0] && live[0] != LIVE_MERGED && live[1] != LIVE_MERGED ->
		aged[0] = true }
#endif
	od
}

/* ---- workers: the past ----------------------------------------------------------------------- */

#define CLAIMABLE(c) (!chunk_lock[c] && (state[c] == PENDING || \
	state[c] == RUNNING && owner[c] != me && IS_FREE(c)))

/* The pipeline is over: nobody has its name any more. */
inline ends()
{
	free_locks(me, i);
	for (i : 0 .. CHUNKS - 1) {
		if :: state[i] == RUNNING && owner[i] == me -> owner[i] = DEAD :: else fi
	}
	i = 0; c = 0; got = 0; met = 0; mine = 0; alone = false;
	at[me] = IDLE
}

proctype worker(byte me)
{
	byte c, mine, got, met, i;
	bool alone; /* no chunk of the new ship stands in the way */

end:	do
	:: d_step { at[me] == IDLE && (CLAIMABLE(0) || CLAIMABLE(1) || CLAIMABLE(2)) ->
		/* code: ledger_claim try_claim find_dead take_skip */
		if
		:: CLAIMABLE(0) -> c = 0
		:: else -> if :: CLAIMABLE(1) -> c = 1 :: else -> c = 2 fi
		fi;
		state[c] = RUNNING;
		owner[c] = me;
		lease[c] = true;
		attempt[c]++;
		mine = attempt[c];
		alone = c == RANGE && state[NEW] == NONE;
		/* a chunk is done again only where something had happened */
		assert(attempt[c] <= 1 + TROUBLES - troubles + (c == RANGE));
		at[me] = CLAIMED }

	:: d_step { at[me] == CLAIMED -> /* code: dump_claim read_chunk narrow_begin */
		got = src[c];
		met = (alone -> src[NEW] : 0);
		at[me] = READ }

	/* the fence; then what is NULL is filled */
	:: d_step { at[me] == READ && !chunk_lock[c] &&
			(!got || !cell_lock[c]) && (!met || !cell_lock[NEW]) ->
		/* code: begin_fenced ledger_hold lost choose_merge load_rest wide_flush */
		if
		:: OURS(c, me, mine) ->
			chunk_lock[c] = me;
			if :: got -> cell_lock[c] = me :: else fi;
			if :: met -> cell_lock[NEW] = me :: else fi;
			at[me] = MERGED
		:: else -> ends()
		fi }

	:: d_step { at[me] == MERGED -> /* code: finish_ledger ledger_finish wide_commit */
		if
		:: met && state[NEW] != NONE -> skip /* planned since: nothing is kept; code: lost */
		:: else ->
#ifdef PAST_WINS
			if :: got -> wide[c] = got :: else fi;
#else
			if :: got && !wide[c] -> wide[c] = got :: else fi;
#endif
			state[c] = DONE; /* whose it was does not matter any more */
			owner[c] = NOBODY;
			lease[c] = false;
			attempt[c] = 0;
			finished[c]++;
			assert(finished[c] == 1);
			if
			:: met ->
				if :: !wide[NEW] -> wide[NEW] = met :: else fi;
				state[NEW] = DONE;
				finished[NEW]++;
				assert(finished[NEW] == 1)
			:: else
			fi
		fi;
		ends() }

	:: d_step { at[me] != IDLE && troubles > 0 ->
		/* code: failed ledger_fail_facts give_back ledger_fail */
		troubles--;
		if
		:: state[c] == RUNNING && owner[c] == me && attempt[c] == mine ->
			state[c] = PENDING;
			owner[c] = NOBODY
		:: else
		fi;
		ends() }

	:: d_step { at[me] == READ && troubles > 0 && state[c] == RUNNING && owner[c] == me ->
		troubles--; /* told to stop, while its loader goes on; code: ledger_release */
		state[c] = PENDING;
		owner[c] = NOBODY }

	:: d_step { at[me] != IDLE && troubles > 0 -> /* the next one has another name */
		troubles--;
		ends() }
	od
}

/* ---- the follower: reader -------------------------------------------------------------------- */

proctype reader()
{
	byte next, from;

end:	do
	:: d_step { !following && !follower_lock && live[1 - turn] == IDLE && !sent[1 - turn] ->
		/* code: claim ledger_follower_become connect_once */
		turn = 1 - turn;
		reader_attempt++;
		next = upto;
		from = upto;
		assert(confirmed <= upto); /* the source still has what is to come */
		following = true }

	:: d_step { following && next < FOLLOWED && !sent[turn] ->
		/* code: seal until_seen live_chunk_seal */
		next++;
		sent[turn] = next;
		sent_by[turn] = reader_attempt }

	/* only what it has sealed itself counts */
	:: d_step { following && ack > confirmed && ack > from && ack <= next ->
		/* code: take_ack send_status */
		assert(ack <= upto);
		confirmed = ack }

	:: d_step { following && troubles > 0 ->
		troubles--;
		next = 0;
		from = 0;
		following = false }
	od
}

/* ---- the follower: its loader ---------------------------------------------------------------- */

#define CELL cell[change - 1]
#define VALUE value[change - 1]

proctype loader(byte me)
{
	byte change, mine, i;
	bool doubtful, clears;

end:	do
	:: atomic { live[me] == IDLE && sent[me] && !follower_lock ->
		/* code: take_seal begin_fenced ledger_follow_hold */
		change = sent[me];
		mine = sent_by[me];
		sent[me] = 0;
		sent_by[me] = 0;
		if
#ifdef NO_LIVE_FENCE
		:: true ->
#else
		:: reader_attempt == mine ->
#endif
			follower_lock = LOADER(me);
			live[me] = LIVE_HELD
		:: else -> goto gone
		fi }

	/* overlays; a deletion where nothing is locks nothing; in the code: MERGE_OVERLAY */
	:: d_step { live[me] == LIVE_HELD && (!cell_lock[CELL] || !VALUE && !wide[CELL]) ->
		/* code: wide_flush wide_note_nulls */
		clears = VALUE == 0 && wide[CELL];
		if :: VALUE || clears -> cell_lock[CELL] = LOADER(me) :: else fi;
		live[me] = LIVE_MERGED }

	:: d_step { live[me] == LIVE_MERGED -> /* code: ledger_follow_advance */
#ifndef NO_DOUBT
		doubtful = VALUE == 0 && (state[CELL] == RUNNING ||
			state[CELL] == DONE && !aged[CELL]
#ifndef NO_MET
			|| CELL == NEW && state[NEW] == NONE && state[RANGE] == RUNNING
#endif
			);
#endif
#ifdef ACK_EARLY
		ack = change;
#endif
		live[me] = ADVANCED }

	:: d_step { live[me] == ADVANCED -> /* code: wide_commit */
		assert(change == upto + 1); /* none left out, none again */
		upto = change;
		if :: VALUE || clears -> wide[CELL] = VALUE :: else fi;
		if :: doubtful -> doubt[CELL]++ :: else fi;
		free_locks(LOADER(me), i);
		follower_lock = NOBODY;
		doubtful = false;
		clears = false;
		live[me] = COMMITTED }

	:: d_step { live[me] == COMMITTED -> /* code: acknowledge tmpf_replace */
		ack = change;
		change = 0;
		mine = 0;
		live[me] = IDLE }

	:: atomic { live[me] != IDLE && troubles > 0 ->
		troubles--;
gone:		free_locks(LOADER(me), i);
		if :: follower_lock == LOADER(me) -> follower_lock = NOBODY :: else fi;
		sent[me] = 0; /* what was in the pipe is lost, and the reader ends with it */
		sent_by[me] = 0;
		if :: turn == me -> following = false :: else fi;
		change = 0;
		mine = 0;
		doubtful = false;
		clears = false;
		live[me] = IDLE }
	od
}

/* ---- the repair: what is in doubt is compared ------------------------------------------------ */

#ifdef NO_MET
#define IS_OPEN(c) (state[c] != DONE && state[c] != NONE)
#else
#define IS_OPEN(c) (state[c] != DONE && (state[c] != NONE || state[RANGE] != DONE))
#endif
#define IN_DOUBT(c) (doubt[c] && !IS_OPEN(c))

proctype repair()
{
	byte c, n, narrow, there, i;

end:	do
	:: d_step { mending == IDLE && (IN_DOUBT(0) || IN_DOUBT(1) || IN_DOUBT(2)) ->
		/* code: find_doubts ledger_doubts ledger_ranges leave_open */
		if
		:: IN_DOUBT(0) -> c = 0
		:: else -> if :: IN_DOUBT(1) -> c = 1 :: else -> c = 2 fi
		fi;
		n = doubt[c];
		mending = LOOKING }

	:: d_step { mending == LOOKING -> narrow = src[c]; mending = LOOKED } /* code: equal_now */

	:: d_step { mending == LOOKED -> /* code: look_closer gather settle_doubts ledger_doubt_settle */
		there = wide[c];
		if
		:: there == narrow ->
			doubt[c] = doubt[c] - n;
			n = 0; c = 0; narrow = 0;
			mending = IDLE
		:: else ->
			if
			:: !there -> mending = FILLING; narrow = src[c] /* code: fill_range read_part */
			:: else -> mending = LOCKED
			fi
		fi;
		there = 0 }

	/* under no lock: what was read may be gone by now, and the next look says so */
	:: d_step { mending == FILLING && !cell_lock[c] -> /* code: send_all */
		if :: narrow && !wide[c] -> wide[c] = narrow :: else fi;
		mending = LOOKING }

	:: d_step { mending == LOCKED && !cell_lock[c] -> /* code: mend_values lock_values */
		cell_lock[c] = REPAIR;
		mending = ASKED }

	:: d_step { mending == ASKED -> /* code: ask_source is_due */
		narrow = src[c];
		mending = ASKED + 1 }

	:: d_step { mending == ASKED + 1 -> /* code: set */
		wide[c] = narrow;
		cell_lock[c] = NOBODY;
		mending = LOOKING }

	:: d_step { mending != IDLE && troubles > 0 ->
		troubles--;
		free_locks(REPAIR, i);
		n = 0; c = 0; narrow = 0;
		mending = IDLE }
	od
}

/* ---- what is promised ------------------------------------------------------------------------ */

#define CALM(c) (doubt[c] == 0 && (state[c] == DONE || c == NEW && state[c] == NONE))
#define QUIET (seen == CHANGES && upto == CHANGES && CALM(0) && CALM(1) && CALM(2) && \
	at[1] == IDLE && at[WORKERS] == IDLE && live[0] == IDLE && live[1] == IDLE && mending == IDLE)

/* A run that ends before all is quiet ends where it must not: this one still waits. */
proctype promise()
{
	atomic { QUIET ->
		assert(wide[0] == src[0]);
		assert(wide[1] == src[1]);
		assert(wide[2] == src[2]) }
}

init {
	byte i;

	atomic {
		src[0] = 1;
		src[1] = 1;
		state[0] = PENDING; /* the slot was made before; code: set_up_follower do_plan */
		state[1] = PENDING;
		run source(); run planner(); run clock();
		for (i : 1 .. WORKERS) { run worker(i) }
		run reader(); run loader(0); run loader(1); run repair(); run promise()
	}
}
