# make run: the default analysis. make test: all tests. make docs: docs/_build/html/index.html.
# Each sets up .venv from the lock first.

PYTHON ?= python3
CORES ?= $(shell nproc)
BIN := .venv/bin
STAMP := .venv/.complete

.PHONY: run test lint bench docs lock schema clean

run: $(STAMP)
	$(BIN)/snakemake --cores $(CORES)

test: $(STAMP)
	$(BIN)/python -m pytest -n $(CORES) --dist loadscope --no-loadscope-reorder tests \
		--ignore tests/consistency/test_fit_property.py
	# in processes of their own: XLA ended one that had compiled hundreds of programs before
	$(BIN)/python -m pytest -n $(CORES) tests/consistency/test_fit_property.py

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --lint --configfile config/categories-1d.yaml

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/all.py

docs: $(STAMP)
	$(BIN)/snakemake --cores $(CORES) --configfile docs/gallery/search.yaml
	$(BIN)/snakemake --cores $(CORES) --configfile docs/gallery/categories.yaml
	$(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env --quiet docs docs/_build/html

# The lock names no registry; any index that has these hashes will do.
lock:
	uv pip compile --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --only-binary pythia8mc \
		envs/requirements.in --output-file envs/requirements.lock

schema: $(STAMP)
	$(BIN)/python -m zenith.config.schema

clean:
	rm -rf .venv .snakemake results/*/ results/.cache

$(STAMP): envs/requirements.lock pyproject.toml
	rm -rf .venv
	if command -v uv > /dev/null; then \
		uv venv --quiet --python "$(PYTHON)" .venv && \
		uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --only-binary pythia8mc \
			-r envs/requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		"$(PYTHON)" -m venv .venv && \
		$(BIN)/pip install --quiet --require-hashes --only-binary pythia8mc \
			-r envs/requirements.lock && \
		$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .; \
	fi
	touch $@
