# Everything runs in a virtual environment of the project's own, .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Most tests wait for a peer most of the time: two at once for each CPU.
JOBS ?= $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))
PYTEST_ARGS ?=
# The tests that start programs, or whose lab does.
STARTERS := $(addprefix tests/,peers lint lab labkit net/tls wire protocols/net protocols/ssh protocols/websocket)
# With COVERAGE=1 `make test` counts what it covers, and `make check` judges that and runs no test.
COVERAGE ?=

.PHONY: help setup tour test field stress bare check format docs bench fuzz mutate clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## the virtual environment with everything in it

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Seventh needs Python 3.11 or newer, not " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(STAMP)

tour: setup  ## check a dozen reference servers, clean and faulty; `.venv/bin/seventh tour --all`: every one
	$(BIN)/seventh tour

test: setup  ## all tests; peers that are not installed are skipped, and said
	$(if $(COVERAGE),$(BIN)/coverage erase)
	$(BIN)/$(if $(COVERAGE),coverage run,python) -m pytest -n $(JOBS) --dist loadfile -rs $(PYTEST_ARGS)

field: setup  ## the inputs of the kinds that real files, real servers and audits have shown
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -rs -m field $(PYTEST_ARGS)

stress: setup  ## 5,000 hostile targets at once, 60 runs under a watchdog (about 20 minutes)
	$(BIN)/python -m tests.stress

bare: setup  ## the tests that start programs, with none of the optional ones: all skip, none fails
	tests/bare_path.sh $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -rs $(PYTEST_ARGS) $(STARTERS)

check: setup  ## format, lint, types, imports, generated files, coverage
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m seventh.render.schema --check
	$(BIN)/python -m seventh.render.pages --check
	$(if $(COVERAGE),,$(BIN)/coverage erase)
	$(if $(COVERAGE),,$(BIN)/coverage run -m pytest -n $(JOBS) --dist loadfile -m 'not peer' $(PYTEST_ARGS))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

format: setup  ## format and mend what can be mended
	$(BIN)/ruff format src tests bench
	$(BIN)/ruff check --fix src tests bench

docs: setup  ## write the generated files anew
	$(BIN)/python -m seventh.render.schema
	$(BIN)/python -m seventh.render.pages

bench: setup  ## the benchmarks, as ratios against named peers
	$(BIN)/python -m bench

fuzz: setup  ## generated inputs over the readers of files: make fuzz N=100000 SEED=1
	$(BIN)/python -m tests.fuzz lint --inputs $(or $(N),100000) --seed $(or $(SEED),0)

mutate: setup  ## small faults in the source that no test notices: make mutate N=60 SEED=1 [STRATUM=rules]
	$(BIN)/python -m tests.mutate --mutants $(or $(N),60) --seed $(or $(SEED),1) $(if $(STRATUM),--stratum $(STRATUM))

clean:  ## remove what setup made
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .hypothesis
