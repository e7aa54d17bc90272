# On a fresh machine with Python 3.11+ and make: `make demo` runs the ecosystem, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROFILE ?= fapi2-security
SECONDS ?= 60

.PHONY: help demo test check fix docs bench fuzz clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/demo.stamp: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the demo's packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the development packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/demo.stamp

demo: $(VENV)/demo.stamp ## run the whole ecosystem: bank, APIs, fintech (PROFILE=fapi2-message-signing for the other)
	@$(BIN)/python -m examples.demo --profile $(PROFILE)

test: check ## everything: lint, types, import rules, generated docs, tests
	@$(BIN)/python -m pytest --every-error-raised

check: $(VENV)/dev.stamp ## the fast part
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports > $(VENV)/lint-imports.log || (cat $(VENV)/lint-imports.log; exit 1)
	@$(BIN)/python -m tools.caps
	@$(BIN)/python -m tools.circles
	@$(BIN)/python -m tools.api_doc --check
	@$(BIN)/python -m tools.errors_doc --check
	@$(BIN)/python -m tools.spec_map --check

docs: $(VENV)/dev.stamp ## rebuild the generated documents
	@$(BIN)/python -m tools.api_doc
	@$(BIN)/python -m tools.errors_doc
	@$(BIN)/python -m tools.spec_map

bench: $(VENV)/dev.stamp ## measure the token check beside its peers; writes benchmarks/results.json
	@$(BIN)/python -m benchmarks

$(VENV)/fuzz.stamp: $(VENV)/dev.stamp
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,fuzz]'
	@touch $@

fuzz: $(VENV)/fuzz.stamp ## coverage-guided fuzzing of the parsers for SECONDS (60)
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

fix: $(VENV)/dev.stamp ## format, and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## forget the environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
