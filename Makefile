# Commands of the project; `make` lists them. Python's packages are installed into .venv alone.
PYTHON ?= python3
VENV := .venv/bin/python

# More for the program that runs: make test ARGS=-x
ARGS ?=
TARGETS ?= //...
# Processes that run tests: each grows to some 6 GB.
WORKERS ?= 2

INSTALL := --use-pep517 -c constraints.txt -e ".[test,lint]"
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
BAZEL_FILES = BUILD MODULE.bazel WORKSPACE \
	$(shell find tfgan_zoo recipes export tests tools -name BUILD -o -name '*.bzl')
BUILDIFIER := npm_config_fetch_retries=0 npm_config_fetch_timeout=30000 npm_config_loglevel=error \
	npx --yes @bazel/buildifier@8.2.1
BAZEL_PACKAGES := bazel-bootstrap bazel-rules-java bazel-rules-proto bazel-platforms bazel-skylib

# The packages that ours are compared with run on no Python after 3.11.
OLD_PYTHON ?= $(PYTHON)
OLD_VENV := .venv-parity/bin/python
# The complete list, without what pip would add: tf_keras asks for a second TensorFlow.
OLD_INSTALL := --no-deps -r tests/parity/constraints.txt
OLD := import sys; sys.exit(sys.version_info[:2] != (3, 11))

.PHONY: help setup train test parity lint format bazel clean

help: ## This list
	@awk -F ': .*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

setup: .venv/.installed ## Create .venv with the versions of constraints.txt

.venv/.installed: setup.py constraints.txt
	@$(VENV) -c 'import pip; $(SUPPORTED)' 2>/dev/null || { \
		"$(PYTHON)" -c '$(SUPPORTED)' || { \
			echo "tfgan_zoo needs Python 3.11, 3.12 or 3.13; $(PYTHON) is" \
				"$$("$(PYTHON)" --version 2>&1). Name another: make setup PYTHON=python3.11" >&2; \
			exit 1; }; \
		"$(PYTHON)" -m venv --clear .venv; }
	@echo "Installing into .venv: about 2.5 GB, a minute or more ..."
	@$(VENV) -m pip install -qq $(INSTALL) || { \
		echo "pip failed. It tells more without -qq: $(VENV) -m pip install" '$(INSTALL)' >&2; \
		exit 1; }
	@touch $@

train: setup ## Train the small BigGAN on the digits that come with scikit-learn
	$(VENV) -m recipes.biggan --flagfile=recipes/flagfiles/biggan/digits.flags $(ARGS)

test: setup ## Run the tests; a choice: make test ARGS="tests/losses_test.py -k hinge"
	$(VENV) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

parity: setup .venv-parity/.installed ## Compare with TF-GAN and TensorFlow Addons; needs Python 3.11
	PARITY_PYTHON="$(CURDIR)/$(OLD_VENV)" $(VENV) -m pytest tests/parity $(ARGS)

.venv-parity/.installed: tests/parity/constraints.txt
	@$(OLD_VENV) -c 'import pip; $(OLD)' 2>/dev/null || { \
		"$(OLD_PYTHON)" -c '$(OLD)' || { \
			echo "make parity needs Python 3.11; $(OLD_PYTHON) is" \
				"$$("$(OLD_PYTHON)" --version 2>&1 | head -n 1)." \
				"Name another: make parity OLD_PYTHON=python3.11" >&2; \
			exit 1; }; \
		"$(OLD_PYTHON)" -m venv --clear .venv-parity; }
	@echo "Installing into .venv-parity: about 1.4 GB, a minute or more ..."
	@$(OLD_VENV) -m pip install -qq $(OLD_INSTALL) || { \
		echo "pip failed. It tells more without -qq: $(OLD_VENV) -m pip install" '$(OLD_INSTALL)' >&2; \
		exit 1; }
	@touch $@

lint: setup ## Check style and Bazel files, change nothing
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	@if $(BUILDIFIER) -version >/dev/null 2>&1; \
	then echo "buildifier -mode=check -lint=warn"; \
		$(BUILDIFIER) -mode=check -lint=warn $(BAZEL_FILES); \
	else echo "Bazel files: not checked, npx could not run buildifier"; fi

format: setup ## Rewrite Python and Bazel files in the style
	$(VENV) -m ruff check --fix .
	$(VENV) -m ruff format .
	$(BUILDIFIER) -mode=fix -lint=fix $(BAZEL_FILES)

bazel: setup ## Run the tests with Bazel 4; a choice: make bazel TARGETS=//tests:losses_test
	@command -v bazel-4 >/dev/null || { \
		echo "Needs Debian's Bazel: apt-get install $(BAZEL_PACKAGES)" >&2; exit 1; }
	PATH="$(CURDIR)/.venv/bin:$$PATH" bazel-4 --max_idle_secs=10 test --symlink_prefix=/ \
		--action_env=PATH --test_env=PATH --test_output=errors --nosandbox_debug -- $(TARGETS)

clean: ## Remove .venv and caches; runs stay
	rm -rf .venv .venv-parity build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find tfgan_zoo recipes export tests -name __pycache__ -prune -exec rm -rf {} +
