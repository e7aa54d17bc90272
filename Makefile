# On a fresh machine with Python 3.11+ and make: `make demo` runs the ecosystem, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROFILE ?= fapi2-security
AUTH ?=
BINDING ?=
FLOW ?=
T ?=
SECONDS ?= 60
BENCH ?=
UPGRADE ?=
TAG ?=
PYTHONS ?=
PYTEST ?=
# One more than there are cores, because some tests wait for another process.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo lab test check fix docs docs-site docs-links docs-translations pictures samples bench fuzz dist test-dist sbom release-notes lock clean test-pythons test-lowest

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 20

# Every file that is installed has a hash that was written down. What builds our own package is among them: nothing is
# fetched for the last step.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r $(1)
	@$(PIP) --no-deps --no-build-isolation -e .
endef

$(VENV)/demo.stamp: pyproject.toml constraints-demo.txt
	@echo "installing the demo's packages into $(VENV)"
	$(call install,constraints-demo.txt)
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt
	@echo "installing the development packages into $(VENV)"
	$(call install,constraints.txt)
	@touch $@ $(VENV)/demo.stamp

demo: $(VENV)/demo.stamp ## run the whole ecosystem: two banks, APIs, fintech (PROFILE=, AUTH=, BINDING=, FLOW=device or consents choose others)
	@$(BIN)/python -m examples.demo --profile $(PROFILE) --auth "$(AUTH)" --binding "$(BINDING)" --flow "$(FLOW)"

lab: $(VENV)/dev.stamp ## play every attack against naive parts and against the toolkit (T=T6 tells one step by step)
	@$(BIN)/python -m examples.attack_lab --threat "$(T)"

test: check ## everything: lint, types, import rules, generated docs, tests
	@$(BIN)/python -m pytest -n $(WORKERS) --durations 25 --every-error-raised

test-pythons: $(VENV)/dev.stamp ## the tests on each Python from 3.11 to 3.14 that is here (PYTHONS="3.12 3.13"; PYTEST= chooses tests)
	@$(BIN)/python -m tools.environments pythons $(if $(PYTHONS),--only $(PYTHONS)) -- $(PYTEST)

test-lowest: $(VENV)/dev.stamp ## the tests with the oldest versions that pyproject.toml allows (PYTEST= chooses tests)
	@$(BIN)/python -m tools.environments lowest -- $(PYTEST)

check: $(VENV)/dev.stamp ## the fast part
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports > $(VENV)/lint-imports.log || (cat $(VENV)/lint-imports.log; exit 1)
	@$(BIN)/python -m tools.caps
	@$(BIN)/python -m tools.circles
	@$(BIN)/python -m tools.api_doc --check
	@$(BIN)/python -m tools.surface --check
	@$(BIN)/python -m tools.errors_doc --check
	@$(BIN)/python -m tools.spec_map --check
	@$(BIN)/python -m tools.threats_doc --check
	@$(BIN)/python -m tools.conformance --check

docs: $(VENV)/dev.stamp ## rebuild the generated documents
	@$(BIN)/python -m tools.api_doc
	@$(BIN)/python -m tools.surface
	@$(BIN)/python -m tools.errors_doc
	@$(BIN)/python -m tools.spec_map
	@$(BIN)/python -m tools.threats_doc
	@$(BIN)/python -m tools.conformance

docs-site: $(VENV)/dev.stamp ## build the docs site, English and Japanese, in docs/_build/html; it needs no network
	@$(BIN)/python -m tools.site

docs-links: $(VENV)/dev.stamp ## try every link of the docs to somewhere else; it needs the network
	@$(BIN)/python -m tools.site --links

docs-translations: $(VENV)/dev.stamp ## bring docs/locale up to date with the English, and count what is missing
	@$(BIN)/python -m tools.translations update

pictures: $(VENV)/dev.stamp ## take the pictures of the flow viewer that stand in the README
	@$(BIN)/python -m tools.viewer_pictures

bench: $(VENV)/dev.stamp ## measure beside peers; writes benchmarks/RESULTS.md (BENCH=--quick, or some parts: writes nothing)
	@$(BIN)/python -m benchmarks $(BENCH)

$(VENV)/fuzz.stamp: $(VENV)/dev.stamp constraints-fuzz.txt
	@$(PIP) --require-hashes -r constraints-fuzz.txt
	@touch $@

fuzz: $(VENV)/fuzz.stamp ## coverage-guided fuzzing of the parsers for SECONDS (60)
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
dist: $(VENV)/dev.stamp ## build wheel and sdist into dist, and test them out of reach of the checkout
	@rm -rf dist
	@$(BIN)/python -m hatchling build -d dist
	@$(MAKE) --no-print-directory test-dist
	@cd dist && sha256sum *.whl *.tar.gz

test-dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
test-dist: $(VENV)/dev.stamp ## test the wheel and the sdist that are in dist
	@FAPIKIT_DIST=dist $(BIN)/python -m pytest -q tests/distribution/test_built_files.py tests/distribution/test_installed.py

release-notes: $(VENV)/dev.stamp ## check that TAG=v0.2.0 may be released, and print its notes
	@$(BIN)/python -m tools.release "$(TAG)"

sbom: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
sbom: $(VENV)/dev.stamp ## write what is installed with each extra, as CycloneDX, into dist/sbom
	@$(BIN)/python -m tools.sbom

lock: $(VENV)/dev.stamp ## write down versions and hashes (UPGRADE=--upgrade: the newest versions)
	@$(BIN)/python -m tools.lock $(UPGRADE)

fix: $(VENV)/dev.stamp ## format, and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## forget the environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis docs/_build dist
