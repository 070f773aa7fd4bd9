# All commands for people and CI; `make help` lists them. Every target works from a clean clone. Those that measure need
# the reviews; IMDB names their folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

# The folder with the archive of reviews (aclImdb_v1.tar.gz). If it is empty, training downloads the archive.
IMDB ?= $(wildcard ../shared/data)
ARCHIVE := $(firstword $(wildcard $(IMDB)/aclImdb_labelled.tar* $(IMDB)/aclImdb_v1.tar*))
DATASET := $(if $(IMDB),--dataset $(or $(ARCHIVE),$(IMDB)))
# For measurements, which do not download it.
LOCAL = $(or $(DATASET),$(error this needs the reviews: run `make $@ IMDB=FOLDER` with the folder of aclImdb_v1.tar.gz))
RECIPE ?= book
# Unlabelled reviews, which only the recipe `best` uses. The official archive contains them.
UNLABELLED := $(if $(filter best,$(RECIPE)),$(wildcard $(IMDB)/aclImdb_unsup.tar*))
# Short texts that only the report evaluates.
SENTENCES := $(if $(wildcard $(IMDB)/snippets_dev.tsv),--sentences $(IMDB)/snippets_dev.tsv)
# Your own reviews; their bundles need a separate folder (OUTPUT).
OWN := $(if $(REVIEWS),--dataset $(REVIEWS))

# The environment for serving: requirements/numpy.txt, or requirements/serving.txt with TensorFlow.
SERVING := $(VENV)/.$(if $(filter numpy,$(RUNTIME)),numpy,serving)

.DEFAULT_GOAL := help
.PHONY: help setup setup-training serve train experiments test test-slow check format openapi docs picture dist clients lock container-test accuracy accuracy-elsewhere bench bulk-bench overload soak clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SERVING) ## create .venv with the packages for serving (RUNTIME=numpy: without TensorFlow)
setup-training: $(VENV)/.training ## the same with the packages for training

serve: $(SERVING) ## run the service on http://127.0.0.1:8000 (RUNTIME=numpy: without TensorFlow)
	@$(if $(RUNTIME),SENTIMENT_RUNTIME=$(RUNTIME)) exec $(BIN)/python -m app serve

train: $(VENV)/.training ## train a bundle in trained/imdb (RECIPE=best, IMDB=FOLDER), or in OUTPUT (REVIEWS=my.csv OUTPUT=models/mine, ARGS=...)
	$(BIN)/python -m training --recipe $(RECIPE) $(or $(OWN),$(DATASET) $(UNLABELLED) $(SENTENCES)) $(if $(OUTPUT),--output $(OUTPUT)) $(ARGS)

experiments: $(VENV)/.training ## run the variants of a recipe over three seeds and write docs/experiments (RECIPE=best)
	$(BIN)/python -m training experiments --recipe $(RECIPE) $(DATASET) $(UNLABELLED) $(ARGS)

# More processes than two cores, because tests often wait for servers to start.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile

test: $(VENV)/.development ## run the tests (5 minutes; ARGS=... for pytest)
	$(PYTEST) -m "not slow" $(ARGS)

test-slow: $(VENV)/.development ## run the tests that take long and rarely fail (10 minutes)
	$(PYTEST) -m slow $(ARGS)

check: $(VENV)/.development ## lint, format check, types, import rules and .github
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet --strict-collection .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml

format: $(VENV)/.development ## format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: $(VENV)/.development ## generate openapi.json, the tables of docs/reference/api.md and the types of the Python client
	$(BIN)/python -m app openapi > openapi.json.new && mv openapi.json.new openapi.json || { rm -f openapi.json.new; exit 1; }
	$(BIN)/python -m tests.reference
	cd clients/python && $(CURDIR)/$(BIN)/datamodel-codegen

docs: $(VENV)/.development ## build the documentation site in website/public, and say how to read it (REPOSITORY_URL: for links to code)
	$(BIN)/python -m website

picture: $(VENV)/.development ## take the pictures of the playground in docs/images (needs Chromium)
	$(BIN)/python -m tests.browser

dist: $(VENV)/.development ## build the wheels of the service and of the Python client in dist
	rm -rf dist
	$(BIN)/uv build --quiet --wheel --out-dir dist .
	$(BIN)/uv build --quiet --wheel --out-dir dist clients/python

clients: ## generate clients in Python and TypeScript (with Node >= 20.19) from openapi.json
	@$(MAKE) --no-print-directory VENV=.environments/clients .environments/clients/.clients
	.environments/clients/bin/python -m clients $(ARGS)

accuracy: $(VENV)/.development ## score all test reviews over HTTP and compare the accuracy with the bundle's report
	$(BIN)/python -m benchmarks.accuracy $(LOCAL)

accuracy-elsewhere: $(VENV)/.development ## measure the accuracy on sentences of other kinds and write docs/reference/accuracy.md (needs npm)
	$(BIN)/python -m benchmarks.elsewhere $(SENTENCES)

bench: $(VENV)/.development ## compare with other model servers or ARGS='--baseline DIR', and write docs/reference/performance.md (needs wrk, 40 minutes)
	$(BIN)/python -m benchmarks $(if $(findstring --report,$(ARGS)),,$(LOCAL)) $(ARGS)

overload: $(VENV)/.development ## measure one worker under overload, and predictions beside explanations (5 minutes)
	$(BIN)/python -m benchmarks.overload $(LOCAL) $(ARGS)

bulk-bench: $(VENV)/.development ## score files with one and two workers, in processes and on Ray, and write docs/reference/bulk.md (4 minutes)
	$(BIN)/python -m benchmarks.bulk $(LOCAL) $(ARGS)

soak: $(VENV)/.development ## run at 70% of the peak for 10 minutes: errors, memory, open files
	$(BIN)/python -m benchmarks.soak $(LOCAL) $(ARGS)

container-test: $(VENV)/.development ## build the image, run it behind nginx and send requests
	$(BIN)/python -m pytest tests/test_container.py -rs

RESOLVE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
LOCK := $(RESOLVE) pyproject.toml

lock: $(VENV)/.development ## update requirements/ from pyproject.toml (LOCK_ARGS=--upgrade: latest versions)
	$(LOCK) $(LOCK_ARGS) --extra tensorflow -o requirements/serving.txt
	$(LOCK) $(LOCK_ARGS) -c requirements/serving.txt -o requirements/numpy.txt
	$(LOCK) $(LOCK_ARGS) --extra tensorflow --extra otel -c requirements/serving.txt -o requirements/otel.txt
	$(LOCK) $(LOCK_ARGS) --extra tensorflow --extra bulk -c requirements/serving.txt -o requirements/bulk.txt
	$(LOCK) $(LOCK_ARGS) --extra ray -c requirements/serving.txt -o requirements/ray.txt
	$(LOCK) $(LOCK_ARGS) --extra training -c requirements/serving.txt -o requirements/training.txt
	$(LOCK) $(LOCK_ARGS) --extra evaluation -c requirements/training.txt -o requirements/evaluation.txt
	$(LOCK) $(LOCK_ARGS) --extra bulk --extra otel --extra training --group dev -c requirements/training.txt -o requirements/development.txt
	$(RESOLVE) $(LOCK_ARGS) --group clients -c requirements/development.txt -o requirements/clients.txt
	$(RESOLVE) $(LOCK_ARGS) --group protocols -o requirements/protocols.txt

clean: ## remove environments, caches and generated clients
	rm -rf $(VENV) .environments dist website/build website/public .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf clients/python/sentiment-client clients/typescript/node_modules clients/typescript/src clients/typescript/dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo 'Python 3.11, 3.12, 3.13 or 3.14 is required; choose one with: make PYTHON=python3.13 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# One stamp per requirements file, so that each command installs only what it needs.
$(VENV)/.numpy $(VENV)/.serving $(VENV)/.training $(VENV)/.development $(VENV)/.clients: $(VENV)/.%: requirements/%.txt | $(VENV)/bin/python
	@case $* in training|development) $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 14))' || \
		{ echo 'TensorFlow, which training and tests need, does not support Python 3.14. Choose another one: make clean;' \
		'make PYTHON=python3.13 ...' >&2; exit 1; };; esac
	@echo 'installing requirements/$*.txt into $(VENV) (a minute or two the first time)'
	@$(PIP_INSTALL) -r $<
	@touch $@
