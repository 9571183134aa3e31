# Everything that people do here, one target each; `make` lists them.
# name= the CLI (git), num= examples to generate, quant= one or more quants, profile= quick|full|gpu

PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
name ?= git
BIN := $(VENV)/bin
STAMP := $(VENV)/.ok
CLITRON := $(BIN)/clitron
OPTIONS := $(if $(num),--num $(num)) $(foreach q,$(quant),--quant $(q)) \
	$(if $(profile),--profile $(profile)) $(if $(seed),--seed $(seed))
TRAIN := $(CLITRON) train $(name) $(OPTIONS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Start
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\n  e.g. make train name=gh num=5000 quant="q8_0 q4_k_m" profile=full\n'

venv: $(STAMP) ## Make the virtual environment with pinned packages (about 8 minutes)

# llama.cpp is built without instructions of this very machine: some kernels hide what the CPU names.
$(STAMP): pyproject.toml setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else \
	  "needs Python 3.11 to 3.13, not %d.%d; name one: make PYTHON=python3.11 venv" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	CMAKE_ARGS=-DGGML_NATIVE=OFF $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/python -m clitron_dagster.export.convert --fetch
	touch $@

demo: $(STAMP) ## Train git (profile quick), ask it five requests, show scores and paths
	$(CLITRON) demo

##@ A model, whole or up to a stage
train: $(STAMP) ## All eight stages
	$(TRAIN)

generate: $(STAMP) ## Examples from the schema; reused when they fit
	$(TRAIN) --until raw_examples

generate-force: $(STAMP) ## Examples from the schema, made anew
	$(TRAIN) --until raw_examples --force raw_examples

cost: $(STAMP) ## What num= examples from a language model would cost (spends nothing)
	$(CLITRON) cost $(name) $(if $(num),--num $(num))

validate: $(STAMP) ## Up to the validated dataset
	$(TRAIN) --until validated_dataset

split: $(STAMP) ## Up to train, validation and test rows
	$(TRAIN) --until splits

sft: $(STAMP) ## Up to the fine-tuned model
	$(TRAIN) --until sft_adapter

preferences: $(STAMP) ## Up to the preference pairs
	$(TRAIN) --until preference_pairs

dpo: $(STAMP) ## Up to the DPO model
	$(TRAIN) --until dpo_model

quantize: $(STAMP) ## Up to the GGUF files
	$(TRAIN) --until gguf_model

eval: $(STAMP) ## Up to the report
	$(TRAIN) --until eval_report

##@ Look around
list-schemas: $(STAMP) ## CLIs that have a schema, with any fault
	$(CLITRON) schemas

status: $(STAMP) ## What is fresh, what is stale and why, of every CLI
	$(CLITRON) status

gc: $(STAMP) ## What can be deleted from the store (deletes nothing)
	$(CLITRON) gc

ui: $(STAMP) ## Dagster's UI on http://127.0.0.1:3000
	mkdir -p "$${DAGSTER_HOME:-$(CURDIR)/.dagster}"
	test -e "$${DAGSTER_HOME:-$(CURDIR)/.dagster}/dagster.yaml" || \
	  cp deploy/dagster.yaml "$${DAGSTER_HOME:-$(CURDIR)/.dagster}/dagster.yaml"
	DAGSTER_HOME="$${DAGSTER_HOME:-$(CURDIR)/.dagster}" $(BIN)/dagster dev --host 127.0.0.1 --port 3000

mlflow: $(STAMP) ## MLflow's UI on http://127.0.0.1:5000
	$(BIN)/mlflow ui --host 127.0.0.1 --port 5000 --backend-store-uri sqlite:///mlflow.db

##@ Work on it
test: $(STAMP) ## The tests, but for the slow ones
	$(BIN)/python -m pytest -m "not slow"

test-all: $(STAMP) ## All tests
	$(BIN)/python -m pytest

lint: $(STAMP) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy clitron_dagster

clean: ## Delete caches and build outputs; the store and the environment stay
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find clitron_dagster clitron_dagster_tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help venv demo train generate generate-force validate split sft preferences dpo quantize \
	eval list-schemas status gc ui mlflow test test-all lint clean
