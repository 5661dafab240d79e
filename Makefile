# Everything a checkout needs comes from here: a bare Python, make and the package registries.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin

.PHONY: demo test test-interpreters fuzz chaos bench bench-quick lint audit-dependencies servers lock clean

demo: .venv/.synced ## The main job, on this machine, with no account at hand
	$(BIN)/mail-archiver demo

test: .venv/.synced servers ## Every test, against real servers; one: make test T=tests/unit/mime
	$(BIN)/pytest --numprocesses=auto --dist=worksteal $(T)

test-interpreters: .venv/.synced ## The unit tests on each other Python, 3.11 to 3.14, that this machine has
	$(BIN)/python -m tests.interpreters

FUZZ_S ?= 60
fuzz: .venv/.synced ## Damaged messages, read for a minute (FUZZ_S seconds): nothing may fail
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_S)

KILLS ?= 1000
chaos: .venv/.synced servers ## The program killed KILLS times while mail arrives: nothing lost, nothing doubled
	$(BIN)/python -m tests.chaos --kills $(KILLS)

bench: .venv/.synced servers ## How fast, beside peers and limits; then what one message may cost, whatever it is
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.any_message

bench-quick: .venv/.synced servers ## A tenth of the mail, in about two minutes
	$(BIN)/python -m benchmarks --quick

servers: .venv/.synced ## Dovecot, PostgreSQL, MariaDB, GreenMail, Cyrus, Courier for the tests, where they are missing
	$(BIN)/python -m tests.servers.provide

lint: .venv/.synced ## Format, lint, types, floors, and whether the migrations make what the tables say
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	export MAIL_ARCHIVER_DATABASE_URL="sqlite:///$$folder/check.db" && \
	$(BIN)/alembic upgrade head && $(BIN)/alembic check

audit-dependencies: .venv/.synced ## Known vulnerabilities in what is locked; where nobody tells, the lock itself
	$(BIN)/python -m tests.audit_dependencies

lock: .venv/bin/uv ## After a change of dependencies
	$(BIN)/uv lock

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' || \
	{ echo '$(PYTHON) is older than 3.11.5: uv looks for another Python, or fetches one'; \
	cp $(BIN)/uv .uv && ./.uv venv --quiet --clear --seed --python '>=3.11.5' .venv && mv .uv $(BIN)/uv || \
	{ rm -rf .venv .uv; echo 'Install Python 3.11.5 or later, and name it: make PYTHON=...'; exit 1; }; }

# --inexact: uv lives in the environment that it fills.
.venv/.synced: .venv/bin/uv pyproject.toml uv.lock
	$(BIN)/uv sync --quiet --frozen --inexact --all-extras --python $(BIN)/python
	@touch $@

clean: ## Remove what this file made
	rm -rf .venv .tools dist
