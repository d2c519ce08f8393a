# The only list of commands. `make help` prints it. All that is needed beforehand is Python 3.11+, make and the package
# registries; everything that is fetched or made goes to .venv and to one state folder ($TUNTAS_STATE, or .tuntas).

PYTHON ?= python3
UV_VERSION := 0.13.9
STATE := $(or $(TUNTAS_STATE),.tuntas)
TOOLS := $(STATE)/uv-$(UV_VERSION)
UV := $(TOOLS)/bin/uv
VENV := $(or $(UV_PROJECT_ENVIRONMENT),.venv)
RUN := $(VENV)/bin

# The interpreter that was found is the one that is used; uv fetches none.
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help demo test drills bench check setup lock

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## run the Samarinda story on real Kafka and PostgreSQL; ARGS="--exit --report FILE" ends when it has settled
	@$(RUN)/python -m local.demo $(ARGS)

test: setup ## run all tests; ARGS="-k word" selects; TUNTAS_STACK=containers takes Kafka and PostgreSQL from Docker
	@$(RUN)/python -m pytest -n 2 --dist loadscope $(ARGS)

drills: setup ## the fault drills; SEEDS=n runs each so often, ARGS="--only 1,9 --size small" selects; build/drills.json
	@$(RUN)/python -m tests.drills --seeds $(or $(SEEDS),1) $(ARGS)

bench: setup ## ours against hand-written references; ARGS="--size small --only relay"; build/bench.json
	@$(RUN)/python -m benchmarks $(ARGS)

check: setup ## lint, format, types, import contracts, lock, and every service alone under its own extra
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(UV) lock --check --quiet
	$(RUN)/python -m local.alone --uv $(UV)

setup: $(VENV)/.synced ## make .venv as uv.lock says; the other commands do it when it is due

lock: $(UV) ## write uv.lock anew after a change of the dependencies
	$(UV) lock
	$(MAKE) setup

$(VENV)/.synced: uv.lock pyproject.toml | $(UV)
	$(UV) sync --frozen --quiet --all-extras --all-groups --python $(PYTHON)
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Tuntas needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(TOOLS) || \
		{ echo "$(PYTHON) cannot make a venv (Debian: apt-get install python3-venv)" >&2; rm -rf $(TOOLS); exit 1; }
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || \
		{ rm -rf $(TOOLS); exit 1; }
