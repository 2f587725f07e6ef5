# Everything runs in a virtual environment of the project's own, .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Many tests wait for a peer: three at once for each CPU; idle workers take over tests.
JOBS ?= $(shell expr 3 \* $$(getconf _NPROCESSORS_ONLN))
PYTEST_ARGS ?=
# The tests that start programs, or whose lab or client does.
STARTERS = $(addprefix tests/,peers lab protocols/net protocols/ssh) $(shell grep -rlE \
  'need_binary|find_program|shutil.which|validat' --include='test_*.py' $(addprefix tests/,labkit lint net wire))
# A traceback that is made while something is collected parses its line to draw carets; within an
# ast.parse of pytest's that confuses CPython 3.11. Without columns there are no carets.
export PYTHONNODEBUGRANGES := 1
# With COVERAGE=1 `make test` counts what it covers, and `make check` judges that and runs no test.
COVERAGE ?=

.PHONY: help setup tour test again field stress bare lint check format docs bench fuzz mutate clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## create the virtual environment .venv with all dependencies

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Seventh needs Python 3.11 or newer, not " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(STAMP)

tour: setup  ## check a dozen reference servers, correct and faulty; all of them: `.venv/bin/seventh tour --all`
	$(BIN)/seventh tour

test: setup  ## run all tests; those of servers that are not installed are skipped with the reason
	$(if $(COVERAGE),$(BIN)/coverage erase)
	$(BIN)/$(if $(COVERAGE),coverage run,python) -m pytest -n $(JOBS) --dist worksteal -rs $(PYTEST_ARGS)

again: setup  ## run the tests that failed last once more, one at a time; with BARE=1, as `make bare` does
	$(if $(BARE),tests/bare_path.sh) $(BIN)/python -m pytest --last-failed --last-failed-no-failures none -x -rfE $(PYTEST_ARGS)

field: setup  ## run the tests with inputs found in real files, on real servers and in audits
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -rs -m field $(PYTEST_ARGS)

stress: setup  ## check 5,000 hostile targets at once, 60 times under a watchdog (about 20 minutes)
	$(BIN)/python -m tests.stress

bare: setup  ## run the tests that start programs on a PATH without optional programs: none may fail
	tests/bare_path.sh $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -rs $(PYTEST_ARGS) $(STARTERS)

lint: setup  ## check format, lint, types, imports and generated files
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m seventh.render.schema --check
	$(BIN)/python -m seventh.render.pages --check
	$(BIN)/python -m seventh.serve.deploy --check

check: lint  ## lint, and check what the tests cover; with COVERAGE=1 of the last `make test COVERAGE=1`
	$(if $(COVERAGE),,$(BIN)/coverage erase)
	$(if $(COVERAGE),,$(BIN)/coverage run -m pytest -n $(JOBS) --dist worksteal -m 'not peer' $(PYTEST_ARGS))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

format: setup  ## format, and fix what ruff can fix
	$(BIN)/ruff format src tests bench
	$(BIN)/ruff check --fix src tests bench

docs: setup  ## regenerate docs/rules, docs/protocols and the schema
	$(BIN)/python -m seventh.render.schema
	$(BIN)/python -m seventh.render.pages
	$(BIN)/python -m seventh.serve.deploy

bench: setup  ## run the benchmarks, as ratios to other programs
	$(BIN)/python -m bench

fuzz: setup  ## lint generated files: make fuzz N=100000 SEED=1
	$(BIN)/python -m tests.fuzz lint --inputs $(or $(N),100000) --seed $(or $(SEED),0)

mutate: setup  ## list small faults in the source that no test finds: make mutate N=60 SEED=1 [STRATUM=rules]
	$(BIN)/python -m tests.mutate --mutants $(or $(N),60) --seed $(or $(SEED),1) $(if $(STRATUM),--stratum $(STRATUM))

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .hypothesis
