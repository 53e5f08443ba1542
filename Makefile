# Everything sets up what it needs in .venv, from PyPI alone. Start with `make demo`.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(VENV)/bin/pip --quiet --quiet --disable-pip-version-check

NPM := command -v npm >/dev/null || { echo "Node.js 18 or newer is needed here (on Debian: apt-get install nodejs npm)"; exit 1; }
JAVASCRIPT := tests/sandbox/splunkd/javascript/node_modules/.package-lock.json

OWN = $(if $(ALL),--all) $(if $(LOCAL),--local $(LOCAL)) $(EVENTS)

.PHONY: help demo javascript sigma ui screenshots test integration soak package inspect bench bench-scan evaluate check generate replay-dataset clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 23

demo: $(VENV)/sandbox ## run the packaged app over the demo events, or EVENTS="a.evtx b.xml" (ALL=1, LOCAL=FOLDER): detections, risk, alerts
	@$(RUN) -m sandbox replay --home .sandbox $(if $(EVENTS),,--all) $(OWN) $(if $(EVENTS),,sandbox/demo/*.log)

sigma: $(VENV)/sandbox $(VENV)/sigma ## set up what `python -m tools sigma` needs: docs/sigma.md
	@$(RUN) -m tools sigma --help >/dev/null

ui: $(VENV)/sandbox ui/dist/view.js ## open the views over them in a browser, no Splunk needed (Node.js); EVENTS, ALL, LOCAL as above
	@$(RUN) -m tools.ui $(OWN)

javascript: $(JAVASCRIPT) ## set up what the tests with Splunk's JavaScript SDK need (Node.js); without it they skip

screenshots: $(VENV)/dev ui/dist/view.js ## draw the pictures of README and docs, or VIEW=overview (Node.js, Chromium)
	@$(RUN) -m tools.ui.screenshots $(VIEW)

test: $(VENV)/dev $(VENV)/contentctl/ready ## run the tests (real events and Sigma rules too where SSA_REAL_EVENTS and SSA_SIGMA_RULES name their folders)
	@$(RUN) -m tools.build.package
	@env -u SPLUNK_URL -u PYTHONDONTWRITEBYTECODE $(RUN) -m pytest -n auto --dist loadgroup

integration: $(VENV)/dev ## check the app on the Splunk of SPLUNK_URL (docs/install.md), else in the sandbox
	@$(RUN) -m pytest -v --tb=short tests/integration

soak: $(VENV)/dev ## run the long suites at full count, and print seeds and totals (SSA_SEED chooses others)
	@SSA_SOAK=1 $(RUN) -m pytest -s tests/language/test_grammar.py tests/language/test_printer.py \
	  tests/language/test_second_opinion.py tests/language/test_fuzz.py tests/language/test_msiexec.py \
	  tests/language/test_required.py tests/tools/content/test_pushdown.py tests/action/test_hostile.py \
	  tests/package/action/test_action.py tests/package/action/test_delivery.py tests/search/scan/test_scan.py tests/search/dispatch tests/package/search/test_protocol.py \
	  tests/package/search/test_parity.py tests/package/action/test_scores.py tests/package/action/test_histories.py \
	  tests/sandbox/inputs/windows/test_mixtures.py tests/sandbox/inputs/windows/test_linear.py \
	  tests/tools/content/sigma/test_rules.py

package: $(VENV)/sandbox ## build dist/ssa_detections-<version>.tar.gz
	@$(RUN) -m tools.build.package

inspect: $(VENV)/dev ## build, and run Splunk's AppInspect on it (needs libmagic1)
	@$(RUN) -m tools.build.inspect_app

bench: $(VENV)/sandbox $(VENV)/sigma ## measure reading, ingest, and searches over a million events (an hour or two, 5 GB of disk)
	@$(RUN) -m tools.bench.reading
	@$(RUN) -m tools.bench.searches --write
	@$(RUN) -m tools.bench.rules.trial
	@$(MAKE) --no-print-directory bench-scan
	@$(RUN) -m tools.bench.msiexec

bench-scan: $(VENV)/sandbox $(VENV)/sigma ## measure ssadetect beside others, and write docs/benchmark.md (some hours)
	@$(RUN) -m tools.bench.scan --write

evaluate: $(VENV)/sandbox ## measure the story on msiexec, and other rules, over our catalogue; count hits in real events where SSA_REAL_EVENTS names them
	@$(RUN) -m tools.evaluate

check: $(VENV)/dev ## ruff, strict mypy (of the library also as on Windows), conf syntax, and the oldest Python that the packaged code runs on
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@$(RUN) -m mypy --platform win32 -p ssa
	@$(VENV)/bin/ksconf check --quiet default/*.conf
	@$(VENV)/bin/vermin --quiet --no-tips --target=3.9- --violations bin/ssa bin/*.py
	@$(VENV)/bin/vermin --quiet --no-tips --target=3.7- --violations bin/ssa/refusal.py bin/*.py

replay-dataset: $(VENV)/sandbox ## download each detection's published attack data, and fail where it finds nothing (internet)
	@$(RUN) -m tools.replay.dataset

generate: $(VENV)/sandbox $(VENV)/sigma ## write what is generated: stanzas, pages, demo events; tools/generate.py lists all
	@$(RUN) -m tools.generate

clean: ## remove everything that make made
	rm -rf $(VENV) .sandbox build dist ui/dist ui/node_modules $(dir $(JAVASCRIPT)) .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed here: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@echo "setting up $(VENV) (once) …"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/sandbox: requirements/sandbox.txt | $(VENV)/bin/pip
	@echo "installing requirements/sandbox.txt …"
	@$(PIP) install -r $<
	@touch $@

$(VENV)/sigma: requirements/sigma.txt | $(VENV)/bin/pip
	@echo "installing requirements/sigma.txt …"
	@$(PIP) install -r $<
	@touch $@

$(VENV)/dev: requirements/dev.txt requirements/sandbox.txt requirements/sigma.txt | $(VENV)/bin/pip
	@echo "installing requirements/dev.txt (AppInspect, ruff, mypy, pytest …), a minute or two …"
	@$(PIP) install -r $<
	@touch $@ $(VENV)/sandbox $(VENV)/sigma

$(VENV)/contentctl/ready: requirements/contentctl.txt | $(VENV)/bin/pip
	@echo "installing requirements/contentctl.txt …"
	@$(RUN) -m venv $(VENV)/contentctl
	@$(VENV)/contentctl/bin/pip --quiet --quiet --disable-pip-version-check install -r $<
	@touch $@

ui/dist/view.js: ui/build.mjs ui/node_modules/.package-lock.json $(wildcard ui/src/*)
	@cd ui && node build.mjs
	@touch $@

$(JAVASCRIPT): tests/sandbox/splunkd/javascript/package-lock.json
	@$(NPM)
	@echo "installing Splunk's JavaScript SDK for tests (13 MB, once) …"
	@cd $(<D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

ui/node_modules/.package-lock.json: ui/package-lock.json
	@$(NPM)
	@echo "installing Splunk's renderer into ui/node_modules (570 MB, once), some minutes …"
	@cd ui && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
