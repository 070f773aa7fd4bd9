# Everything a person or CI does here. `make help` lists it; every target works from a clean clone, those that measure
# with the reviews: IMDB names their folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

# The folder with the reviews' archive (aclImdb_v1.tar.gz); without one, training downloads it.
IMDB ?= $(wildcard ../shared/data)
ARCHIVE := $(firstword $(wildcard $(IMDB)/aclImdb_labelled.tar* $(IMDB)/aclImdb_v1.tar*))
DATASET := $(if $(IMDB),--dataset $(or $(ARCHIVE),$(IMDB)))
# For what measures: only training downloads.
LOCAL = $(or $(DATASET),$(error this needs the reviews: `make $@ IMDB=FOLDER`, the one with aclImdb_v1.tar.gz))
RECIPE ?= book
# What only the recipe `best` reads; the official archive holds them itself.
UNLABELLED := $(if $(filter best,$(RECIPE)),$(wildcard $(IMDB)/aclImdb_unsup.tar*))
# Somebody's own reviews, which need a folder of bundles of their own.
OWN := $(if $(REVIEWS),--dataset $(REVIEWS))

# The runtime's packages: requirements/litert.txt, or requirements/serving.txt with TensorFlow.
SERVING := $(VENV)/.$(if $(filter litert,$(RUNTIME)),litert,serving)

.DEFAULT_GOAL := help
.PHONY: help setup setup-training serve train experiments test test-slow check format openapi clients lock container-test accuracy bench bulk-bench overload soak clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SERVING) ## make .venv with what the service needs (RUNTIME=litert: without TensorFlow)
setup-training: $(VENV)/.training ## the same with what training needs

serve: $(SERVING) ## run the service on http://127.0.0.1:8000 (RUNTIME=litert: without TensorFlow)
	@$(if $(RUNTIME),SENTIMENT_RUNTIME=$(RUNTIME)) exec $(BIN)/python -m app

train: $(VENV)/.training ## train a bundle (RECIPE=best, IMDB=folder of archives, or REVIEWS=my.csv OUTPUT=models/mine, ARGS=...)
	$(BIN)/python -m training --recipe $(RECIPE) $(or $(OWN),$(DATASET) $(UNLABELLED)) $(if $(OUTPUT),--output $(OUTPUT)) $(ARGS)

experiments: $(VENV)/.training ## run the variants of a recipe over three seeds and write docs/experiments (RECIPE=best)
	$(BIN)/python -m training experiments --recipe $(RECIPE) $(DATASET) $(UNLABELLED) $(ARGS)

# More processes than cores, as tests often wait for servers to start.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile

test: $(VENV)/.development ## run the tests (a few minutes; ARGS are pytest's)
	$(PYTEST) -m "not slow" $(ARGS)

test-slow: $(VENV)/.development ## run the tests that take long and rarely fail
	$(PYTEST) -m slow $(ARGS)

check: $(VENV)/.development ## lint, format check, types, import rules and Kubernetes manifests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.deploy

format: $(VENV)/.development ## format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: $(VENV)/.development ## write openapi.json from the code
	$(BIN)/python -m app openapi > openapi.json.new && mv openapi.json.new openapi.json || { rm -f openapi.json.new; exit 1; }

clients: $(VENV)/.development ## write clients in Python and TypeScript from openapi.json (the latter with Node >= 20.19)
	$(BIN)/python -m clients $(ARGS)

accuracy: $(VENV)/.development ## score all test reviews through HTTP and compare with the bundle's report
	$(BIN)/python -m benchmarks.accuracy $(LOCAL)

bench: $(VENV)/.development ## compare the service with its peers, or ARGS='--baseline DIR', and write docs/performance.md (needs wrk, about 40 minutes)
	$(BIN)/python -m benchmarks $(if $(findstring --report,$(ARGS)),,$(LOCAL)) $(ARGS)

overload: $(VENV)/.development ## measure one worker under overload, and predictions beside explanations (two minutes)
	$(BIN)/python -m benchmarks.overload $(LOCAL) $(ARGS)

bulk-bench: $(VENV)/.development ## score files with one worker and two, in processes and on Ray, and write docs/bulk.md (4 minutes)
	$(BIN)/python -m benchmarks.bulk $(LOCAL) $(ARGS)

soak: $(VENV)/.development ## ten minutes at 70 % load: errors, memory, open files
	$(BIN)/python -m benchmarks.soak $(LOCAL) $(ARGS)

container-test: $(VENV)/.development ## build the image, run it behind nginx, ask it for a prediction
	$(BIN)/python -m pytest tests/test_container.py -rs

RESOLVE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
LOCK := $(RESOLVE) pyproject.toml

lock: $(VENV)/.development ## resolve requirements/ anew from pyproject.toml (LOCK_ARGS=--upgrade takes the newest)
	$(LOCK) $(LOCK_ARGS) --extra tensorflow -o requirements/serving.txt
	$(LOCK) $(LOCK_ARGS) --extra litert -c requirements/serving.txt -o requirements/litert.txt
	$(LOCK) $(LOCK_ARGS) --extra litert --extra tensorflow --extra otel -c requirements/serving.txt -o requirements/otel.txt
	$(LOCK) $(LOCK_ARGS) --extra litert --extra tensorflow --extra bulk -c requirements/serving.txt -o requirements/bulk.txt
	$(LOCK) $(LOCK_ARGS) --extra litert --extra ray -c requirements/serving.txt -o requirements/ray.txt
	$(LOCK) $(LOCK_ARGS) --extra training -c requirements/serving.txt -o requirements/training.txt
	$(LOCK) $(LOCK_ARGS) --extra bulk --extra otel --extra training --group dev -c requirements/training.txt -o requirements/development.txt
	$(RESOLVE) $(LOCK_ARGS) --group protocols -o requirements/protocols.txt

clean: ## remove environments, caches and generated clients
	rm -rf $(VENV) .environments .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf clients/python/sentiment-client clients/typescript/node_modules clients/typescript/src clients/typescript/dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo 'Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=python3.13 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp a requirements file: each is a superset of the one before, so a newcomer waits only for what serving needs.
$(VENV)/.litert $(VENV)/.serving $(VENV)/.training $(VENV)/.development: $(VENV)/.%: requirements/%.txt | $(VENV)/bin/python
	@echo 'installing requirements/$*.txt into $(VENV) (a minute or two the first time)'
	@$(PIP_INSTALL) -r $<
	@touch $@
