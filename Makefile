# Everything from a fresh Debian or Ubuntu with Python 3.11 or later; see `make help`.

VENV := .venv
BIN  := $(VENV)/bin
# Workers of the test run; each may compile a virtual board.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test mutate lint format setup clean distclean

help:
	@echo 'make demo       learn the digits on the virtual board, compare with the twin, plot (in demo/)'
	@echo 'make test       run every test (JOBS=2 workers; ARGS= goes to pytest)'
	@echo 'make mutate     plant faults, see whether tests fail (ARGS="--area spec --number 40", --help)'
	@echo 'make lint       ruff and mypy'
	@echo 'make format     let ruff mend what it can'
	@echo 'make setup      prepare $(VENV) for all of the above, and nothing else'
	@echo 'make clean      remove what the commands produced'
	@echo 'make distclean  remove $(VENV) too'

# The scripts check that the environment is up to date, which takes no time when it is.
demo:
	@scripts/setup.sh demo
	$(BIN)/crosswall run digits --board virtual --out demo --force
	$(BIN)/crosswall verify digits --board virtual
	@echo 'plots:'; ls -1 "$$PWD"/demo/*.png

test:
	@scripts/setup.sh test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

mutate:
	@scripts/setup.sh test
	$(BIN)/python -m scripts.mutate $(ARGS)

lint:
	@scripts/setup.sh lint
	$(BIN)/ruff check .
	$(BIN)/mypy

format:
	@scripts/setup.sh lint
	$(BIN)/ruff check --fix .

setup:
	@scripts/setup.sh test

clean:
	rm -rf build demo dist sim_build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) host/*.egg-info *.egg-info
