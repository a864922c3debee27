# batch.mk: many jobs, a stamp for each. What is done is not done again; what failed is, by the same
# command; `make -k -j4` goes on behind a failure, with four jobs at a time.
#
#	make -f batch.mk -j4 groups GROUPS='customers orders' SUFFIX=-2
#	make -f batch.mk -j4 days GROUP=orders FROM=2024-10-01 DAYS=31
#	make -f batch.mk -j2 ships SHIPS='IMO9999993 IMO9999994' CUTOFF='2024-11-01 00:00:00'
#
# A stamp belongs to what it stands for: groups are done once a RUN (default: a day, so a job of
# every week finds what is new), days once they are over (default: yesterday), ships once a CUTOFF.
# Each job writes what it says to a log beside its stamp; when it is done, stamps and logs of its
# earlier RUNs or CUTOFFs go. With -s only what failed is printed. FLAGS are added to its command.
#
# Data may come late, for what is done. A day is exported once more when LATE days (default: 3) have
# passed, which DAYS have to reach back to; what comes later still is in none of its files. Each ship
# is compared, and repaired, behind its migration, so that rows that were late for one CUTOFF are
# carried over with the next; CHECK are the options of that (default: FLAGS).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: groups days ships status again look-again

STATE ?= batch
SUFFIX ?= -2
FLAGS ?=
CHECK ?= $(FLAGS)
LATE ?= 3
RUN ?= $(shell date -u +%F)
blank := $() $()
cutoff = $(subst :,,$(subst $(blank),T,$(CUTOFF)))

# need VARIABLE: without it there would be nothing to do, and that looks like success.
need = @[[ '$($(1))' ]] || \
	{ printf '%s: %s is needed; see the top of batch.mk\n' '$@' '$(1)' >&2; exit 64; }

# A job: its command, its log, its stamp; the log of one that failed ends up on the terminal.
silent = $(findstring s,$(firstword -$(MAKEFLAGS)))
job = @mkdir -p $(@D); $(if $(silent),,printf '%s\n' '$*' >&2;) \
	{ $(1); } >$(@:.done=.log) 2>&1 || { code=$$?; cat $(@:.done=.log) >&2 || :; \
		[[ -s $(@:.done=.log) ]] || printf '%s: its log is empty: is the disk full?\n' '$*' >&2; \
		exit $$code; }; \
	touch $@

# Forgets the job's earlier runs. The name of a ship may have dots, what follows it has none.
forget = for each in '$(@D)/$*'.*.done '$(@D)/$*'.*.log; do word=$${each\#'$(@D)/$*'.}; \
	[[ $${word%.*} == *.* || $${each%.*} == '$(@:.done=)' ]] || rm -f -- "$$each"; done

# One feature group into another, NAME into NAME$(SUFFIX).
groups: $(GROUPS:%=$(STATE)/groups/%.$(RUN).done)
	$(call need,GROUPS)
$(STATE)/groups/%.$(RUN).done:
	$(call job,fs migrate '$*' '$*$(SUFFIX)' --yes --no-progress $(FLAGS))
	@$(forget)

# The records of a feature group, a file for each day that is over.
over := $(if $(GROUP),$(shell today=$$(date -u +%F); for ((i = 0; i < $(or $(DAYS),1); i++)); do \
	day=$$(date -u -d "$(or $(FROM),yesterday) + $$i days" +%F); \
	[[ ! $$day < $$today ]] || printf '%s\n' "$(STATE)/days/$(GROUP)-$$day.done"; done))
late := $(if $(over),$(shell today=$$(date -u +%F); for stamp in $(over); do \
	again=$$(date -u -d "$${stamp: -15:10} + $$(($(LATE) + 1)) days" +%F); \
	[[ ! -e $$stamp || $$today < $$again || ! $$(<$$stamp) < $$again ]] || \
		printf '%s\n' "$$stamp"; done))
$(late): look-again
days: $(over)
	$(call need,GROUP)
	@(($(words $(over)) == $(or $(DAYS),1))) || \
		printf 'days: those that are not over were left out\n' >&2
$(STATE)/days/$(GROUP)-%.done:
	$(call job,fs export '$(GROUP)' '$(STATE)/days/$(GROUP)-$*.ndjson.gz' --sorted --no-progress $(FLAGS) \
		--where "event_time >= '$*' AND event_time < '$$(date -u -d '$* + 1 day' +%F)'")
	@date -u +%F >$@

# Ship telemetry out of the narrow table, ship by ship.
ships: $(if $(CUTOFF),$(SHIPS:%=$(STATE)/ships/%.$(cutoff).done))
	$(call need,SHIPS)
	$(call need,CUTOFF)
$(STATE)/ships/%.$(cutoff).done:
	$(call job,narrow-to-wide --mode migration-only --ship-id '$*' \
		--cutoff-time '$(CUTOFF)' $(FLAGS) && \
		narrow-to-wide --mode validate --repair --ship-id '$*' $(CHECK))
	@$(forget)

# What is done, and what is not.
status:
	@find $(STATE) -name '*.log' | sort | while IFS= read -r log; do \
		[[ -e $${log%.log}.done ]] && word=done || word=failed; \
		printf '%-7s %s\n' "$$word" "$${log%.log}"; done

# Forgets it, so that all is done once more.
again:
	rm -rf $(STATE)
