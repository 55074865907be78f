# `make` lists what there is. Works with GNU make 3.81 (macOS) and newer.

# Set on the command line: make run PORT=9000 HOST=127.0.0.1 ARGS="--any-flag".
# Assigned here so that a HOST or PORT that happens to be in the environment is not taken for one.
HOST =
PORT =
ARGS =
CLIENTS = 200
ROOMS = 20
DURATION = 20

VENV = .venv
PY = $(VENV)/bin/python
PIP_INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check
NODE_BIN = tests/node_modules/.bin

# The first Python on the path that is new enough; PYTHON=/path/to/python to choose another.
PYTHON = $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# "yes" where a Node new enough for eslint 10 is on the path. Without one the JavaScript checks are skipped,
# with a line at the end that says so; in CI they run all the same, and fail.
NODE = $(or $(filter true,$(CI)),$(shell node -e \
	"const [a, b] = process.versions.node.split('.'); if (a > 20 || (a == 20 && b >= 19)) console.log('yes')" 2>/dev/null))

.PHONY: help run test lint types test-python test-js load netcode sim fuzz fuzz-guided bench microbench profile soak rules format clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/runtime.stamp  ## Install what is missing, start the server, print the URLs to open
	@exec $(PY) -m game_server $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(ARGS)

test: lint types test-python test-js  ## Install what tests need, run all of them
	@$(PY) -m tests.e2e.chromium --report
	@$(PY) -m tests.cluster.redis_server --report
	@$(PY) -m tests.cluster.nginx_server --report
	@$(if $(NODE),,echo "SKIPPED: tsc, eslint and node --test, for want of Node 20.19 or newer on the path")

lint: $(VENV)/tests.stamp
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: $(VENV)/tests.stamp
	$(PY) -m mypy

# Some tests need what npm brings (axe, and uPlot as its makers publish it).
test-python: $(VENV)/browser.stamp $(VENV)/redis.stamp $(VENV)/nginx.stamp $(if $(NODE),tests/node_modules/.stamp)  ## pytest alone; make test-python ARGS="-k delta -x"
	$(PY) -m pytest $(ARGS)

ifneq ($(NODE),)
test-js: tests/node_modules/.stamp  ## tsc, eslint and node --test alone
	$(NODE_BIN)/tsc --project tests
	$(NODE_BIN)/tsc --project tests/js
	$(NODE_BIN)/eslint --config tests/eslint.config.js --max-warnings 0 static tests/js
	node --test --test-reporter=spec --import ./tests/js/static_urls.js $$(find tests/js -name '*.test.js')
else
test-js:
endif

load: $(VENV)/runtime.stamp  ## Drive the arena of a running server with bots; CLIENTS=, ROOMS=, DURATION=, ARGS=
	@exec $(PY) -m loadtest --game arena --clients $(CLIENTS) --rooms $(ROOMS) --duration $(DURATION) $(ARGS)

netcode: $(VENV)/tests.stamp tests/node_modules/.stamp  ## What the netcode makes of a bad network, against what is asked; ARGS="--net delay:200"
	@exec $(PY) -m tests.netcode $(ARGS)

sim: $(VENV)/tests.stamp  ## Hunt for faults in simulated time; SECONDS=600 JOBS=2, or ARGS="--seed N" to run one again
	@exec $(PY) -m tests.sim --seconds $(or $(SECONDS),60) --jobs $(or $(JOBS),1) $(ARGS)

fuzz: $(VENV)/tests.stamp  ## Feed parser, codecs and rooms with spoilt messages; SECONDS=600, ARGS="--coverage"
	@exec $(PY) -m tests.fuzz --seconds $(or $(SECONDS),60) $(ARGS)

fuzz-guided: $(VENV)/tests.stamp  ## The same guided by coverage (atheris, Linux), adding to the corpora; TARGET=text, SECONDS=30 for each
	$(PIP_INSTALL) "atheris>=3,<4"
	@exec $(PY) -m tests.fuzz.guided $(or $(TARGET),all) $(or $(SECONDS),30)

bench: $(VENV)/tests.stamp  ## Compare with the peers, side by side (20 to 30 minutes); make bench ARGS=--quick
	@exec $(PY) -m tests.bench $(ARGS)

profile: $(VENV)/tests.stamp  ## Where a client-tick's time goes, beside the C floor, by perf (Linux); ARGS="--workload 1x500"
	@exec $(PY) -m tests.bench.profile $(ARGS)

rules: $(VENV)/runtime.stamp  ## Translate the predicted rules from Python to JavaScript anew
	$(PY) -m game_server.translate --remake static

microbench: $(VENV)/tests.stamp  ## Time capture, diff, encode, decode, views, frames and whole ticks; ARGS="-k tick"
	$(PY) -m pytest tests/bench/micro -o python_files='bench_*.py' -q --durations=0 --benchmark-timer=time.process_time \
		--benchmark-columns=min,median,rounds --benchmark-sort=name $(ARGS)
	$(PY) -m tests.bench.micro.decode
	$(PY) -m tests.bench.micro.wires
	$(PY) -m tests.bench.micro.garbage
	$(PY) -m tests.bench.micro.waking
	$(PY) -m tests.bench.micro.idle
	$(PY) -m tests.bench.micro.memory
	$(PY) -m tests.bench.micro_views
	$(PY) -m tests.bench.micro_budget

soak: $(VENV)/tests.stamp  ## Run the server against slow, hostile and restless clients (45 minutes); make soak ARGS="flood crowd"
	@exec $(PY) -m tests.soak $(ARGS)

format: $(VENV)/tests.stamp  ## Let ruff format and repair what it can
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

clean:  ## Remove everything that these targets installed or wrote
	rm -rf $(VENV) build game_server/native/build game_server/native/*.egg-info tests/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installed things are stamped, so that pip and npm run again only when their lists have changed.

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found on the path." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: requirements.txt $(VENV)/native.stamp
	$(PIP_INSTALL) -r requirements.txt
	@touch $@

# Needs a C compiler and Python's headers. The server does without, and says so when it starts.
$(VENV)/native.stamp: game_server/native/pyproject.toml game_server/native/wire.c | $(PY)
	@$(PIP_INSTALL) ./game_server/native || echo "game_server/native was not built; the server does the same in Python" >&2
	@touch $@

$(VENV)/tests.stamp: requirements.txt tests/requirements.txt $(VENV)/native.stamp
	$(PIP_INSTALL) -r requirements.txt -r tests/requirements.txt
	@touch $@ $(VENV)/runtime.stamp

# Not stamped where no browser could be had: the next run tries again.
$(VENV)/browser.stamp: $(VENV)/tests.stamp tests/e2e/chromium.py
	$(PY) -m tests.e2e.chromium --install $@

$(VENV)/redis.stamp: $(VENV)/tests.stamp tests/cluster/redis_server.py
	$(PY) -m tests.cluster.redis_server --install $@

$(VENV)/nginx.stamp: $(VENV)/tests.stamp tests/cluster/nginx_server.py
	$(PY) -m tests.cluster.nginx_server --install $@

tests/node_modules/.stamp: tests/package.json tests/package-lock.json
	npm ci --prefix tests --no-fund --no-audit
	@touch $@
