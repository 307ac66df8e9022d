# `make app` sets up and serves the dashboard; `make test` is what continuous integration runs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMPILE := $(BIN)/python -c "from gmm_core.worker.warming import compile_all; compile_all()"
ADDRESS := 127.0.0.1
PORT := 8501

.PHONY: app test lint bench calibrate fuzz load attack pictures growth lock pin audit chromium servers java clean

app: $(VENV)/.app
	@$(BIN)/python -m gmm_core.settings
	$(BIN)/streamlit run app.py --server.address $(ADDRESS) --server.port $(PORT)

# A process that compiles a kernel can compute other last bits than one that reads it from the disk:
# the first line compiles, and computes nothing. Three processes, since the browser's tests mostly wait.
test: $(VENV)/.test chromium servers lint
	$(COMPILE)
	$(BIN)/python -m pytest --numprocesses 3 --no-loadscope-reorder --durations 20

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.bench java
	BENCH_README=README.md OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/benchmarks --timeout 3600 --benchmark-enable --benchmark-only \
		--benchmark-columns=median,iqr,rounds -s

calibrate: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/calibration -s

# Thousands of hostile files; `make test` has some hundred of them.
fuzz: $(VENV)/.test
	FUZZ_FILES=6000 $(BIN)/python -m pytest tests/fuzz --timeout 3000

# Fifty people for ten minutes on the real app (LOAD_SESSIONS, LOAD_SECONDS), and the report of it.
load: $(VENV)/.test chromium
	cd tests && PYTHONPATH=$(CURDIR) ../$(BIN)/python -m load ../docs/load.md

# All that strangers and broken machines have tried, again on a fresh copy, and the report of it.
attack: $(VENV)/.test chromium servers
	cd tests && PYTHONPATH=$(CURDIR) ../$(BIN)/python -m attack ../docs/attack.md

# The README's pictures, taken from the running app.
pictures: $(VENV)/.test chromium
	$(BIN)/python docs/pictures.py

# How a pass over data in partitions grows up to 10^8 rows, and the figure of it.
growth: $(VENV)/.bench
	$(BIN)/python docs/growth.py

# The versions that the tests passed with, for deploy/Dockerfile and whoever wants the same.
lock: $(VENV)/.test
	$(BIN)/python deploy/lock.py > requirements.lock.new
	mv requirements.lock.new requirements.lock

# The digests of the images that deploy/ names, as their registry tells them now; it needs Docker.
pin:
	$(PYTHON) deploy/pin.py

# Known weaknesses of the locked versions; asks a database on the network.
audit: $(VENV)/.test
	$(BIN)/pip install --quiet 'pip-audit>=2.9,<3'
	$(BIN)/pip-audit --no-deps --disable-pip --requirement requirements.lock || \
		{ echo "pip-audit found weaknesses (above), or could not reach its database."; exit 1; }

# Debian packages the browser, and its shell without windows, which draws the tests' pages with a fifth
# less work; elsewhere Playwright brings its own.
chromium: $(VENV)/.test
	@if command -v chromium >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then AS_ROOT=; DEPS=--with-deps; \
	elif command -v sudo >/dev/null; then AS_ROOT=sudo; DEPS=--with-deps; \
	else DEPS=; fi; \
	command -v apt-get >/dev/null || DEPS=; \
	if [ -n "$$DEPS" ] && $$AS_ROOT apt-get update --quiet \
		&& apt-cache policy chromium | grep -q 'Candidate: [0-9]'; then \
		$$AS_ROOT apt-get install --yes --no-install-recommends chromium-headless-shell || true; \
		$$AS_ROOT apt-get install --yes --no-install-recommends chromium; \
	else \
		$(BIN)/playwright install $$DEPS chromium; \
	fi

# The tests start servers of their own on free ports and never touch one that Debian started.
servers:
	@if { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; } \
		&& PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then AS_ROOT=; elif command -v sudo >/dev/null; then AS_ROOT=sudo; else AS_ROOT=none; fi; \
	if [ "$$AS_ROOT" = none ] || ! command -v apt-get >/dev/null; then \
		echo "The tests need PostgreSQL 13 or newer, with initdb on PATH, and nginx. Install both."; exit 1; \
	fi; \
	$$AS_ROOT apt-get update --quiet && $$AS_ROOT apt-get install --yes --no-install-recommends postgresql nginx

# Spark, beside which the benchmarks lay data in partitions, runs on Java.
java:
	@if command -v java >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then AS_ROOT=; elif command -v sudo >/dev/null; then AS_ROOT=sudo; else AS_ROOT=none; fi; \
	if [ "$$AS_ROOT" = none ] || ! command -v apt-get >/dev/null; then \
		echo "The benchmarks need Java 17 or newer, for Spark. Install it."; exit 1; \
	fi; \
	$$AS_ROOT apt-get update --quiet && $$AS_ROOT apt-get install --yes --no-install-recommends openjdk-17-jre-headless

# The stamps are newer than the lists they were installed from, so nothing is installed twice.
$(VENV)/.app: requirements.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --requirement requirements.txt
	@echo "Compiling the engines, once, in a minute or two."
	$(COMPILE)
	touch $@

$(VENV)/.test: tests/requirements.txt $(VENV)/.app
	$(BIN)/pip install --quiet --requirement tests/requirements.txt
	touch $@

$(VENV)/.bench: tests/benchmarks/requirements.txt $(VENV)/.test
	$(BIN)/pip install --quiet --requirement tests/benchmarks/requirements.txt
	touch $@

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, and $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
