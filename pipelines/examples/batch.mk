# batch.mk: many jobs, a stamp for each. What is done is not done again; what failed is, by the same
# command; `make -k -j4` goes on behind a failure, with four jobs at a time.
#
#	make -f batch.mk -j4 groups GROUPS='customers orders' SUFFIX=-2
#	make -f batch.mk -j4 days GROUP=orders FROM=2024-10-01 DAYS=31
#	make -f batch.mk -j2 ships SHIPS='IMO9999993 IMO9999994' CUTOFF='2024-11-01 00:00:00'
#
# Each job writes what it says to a log beside its stamp. FLAGS are added to its command.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: groups days ships status again

STATE ?= batch
SUFFIX ?= -2
FLAGS ?=

# A job: its command, its log, its stamp; the log of one that failed ends up on the terminal.
job = @mkdir -p $(@D); printf '%s\n' '$*' >&2; \
	{ $(1); } >$(@:.done=.log) 2>&1 || { code=$$?; cat $(@:.done=.log) >&2; exit $$code; }; \
	touch $@

# One feature group into another, NAME into NAME$(SUFFIX).
groups: $(GROUPS:%=$(STATE)/groups/%.done)
$(STATE)/groups/%.done:
	$(call job,fs migrate '$*' '$*$(SUFFIX)' --yes --no-progress $(FLAGS))

# The records of a feature group, a file for each day.
days: $(shell for ((i = 0; i < $(or $(DAYS),1); i++)); do \
	date -u -d "$(or $(FROM),today) + $$i days" '+$(STATE)/days/$(GROUP)-%F.done'; done)
$(STATE)/days/$(GROUP)-%.done:
	$(call job,fs export '$(GROUP)' '$(STATE)/days/$(GROUP)-$*.ndjson.gz' --no-progress $(FLAGS) \
		--where "event_time >= '$*' AND event_time < '$$(date -u -d '$* + 1 day' +%F)'")

# Ship telemetry out of the narrow table, ship by ship.
ships: $(SHIPS:%=$(STATE)/ships/%.done)
$(STATE)/ships/%.done:
	$(call job,narrow-to-wide --mode migration-only --ship-id '$*' \
		--cutoff-time '$(CUTOFF)' $(FLAGS))

# What is done, and what is not.
status:
	@find $(STATE) -name '*.log' | sort | while IFS= read -r log; do \
		[[ -e $${log%.log}.done ]] && word=done || word=failed; \
		printf '%-7s %s\n' "$$word" "$${log%.log}"; done

# Forgets it, so that all is done once more.
again:
	rm -rf $(STATE)
