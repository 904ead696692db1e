# Habits of this project; `make help` lists them. All that they need goes into .venv.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
PYTHONS ?= 3.12 3.13
STAMP := $(VENV)/.requirements-dev

# One process more than cores, because many tests wait for leases and timeouts. Tests of one module or class stay
# together, since they share a deployment. The order is that of pyproject.toml: modules with few, long tests come first,
# otherwise the last one leaves the other cores idle.
PARALLEL := --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist loadscope --no-loadscope-reorder

# Without bytecode, each process compiles what it imports: tests take a tenth longer, and so does each start of a function.
unexport PYTHONDONTWRITEBYTECODE

# A variable of another name, such as compute, would have no effect.
VARIABLES := COMPUTE ENGINE PYTHON PYTHONS QUICK UPGRADE
OTHERS := $(filter-out $(VARIABLES),$(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name))))
$(if $(OTHERS),$(error $(firstword $(OTHERS)) is not a variable of this Makefile. It has $(VARIABLES)))

.DEFAULT_GOAL := help
.PHONY: help install demo local down test unit coverage integration test-variants test-policies test-pythons test-engine test-faults soak pulumi bench wheel check actionlint generate policy golden format requirements clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv and install everything, pinned

# Bytecode is compiled once here: pulumi_aws alone costs seconds at each start without it.
$(STAMP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else f"Portage needs Python 3.11 or newer, and $(PYTHON) is {v[0]}.{v[1]}. Name another: make PYTHON=python3.13")'
	@echo "$(if $(wildcard $(STAMP)),Updating $(VENV): requirements-dev.txt has changed,Installing into $(VENV): about 2 minutes and 1.3 GB) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(RUN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: $(STAMP) ## Send a 25 MB file through the whole program, on an embedded AWS (under 30 s; COMPUTE=step-functions|fargate|eks)
	@$(RUN)/python -m local demo $(if $(COMPUTE),--compute $(COMPUTE))

local: $(STAMP) $(filter pulumi,$(ENGINE)) ## Run the program on an embedded AWS until Ctrl-C (ENGINE=pulumi: by the Pulumi CLI)
	@$(RUN)/python -m local up $(if $(ENGINE),--engine $(ENGINE)) $(if $(COMPUTE),--compute $(COMPUTE))

# Needs only the standard library, so it never starts an installation.
down: ## Stop what `make local` runs in another terminal
	@$(or $(wildcard $(RUN)/python),$(PYTHON)) -m local down

test: $(STAMP) ## Pass the unit tests, and the integration tests with the default compute and trigger
	$(RUN)/pytest $(PARALLEL) -m 'not variant'

test-variants: $(STAMP) ## Pass the tests of other computes, triggers, arguments and commands (5 min)
	$(RUN)/pytest $(PARALLEL) -m variant

test-policies: $(STAMP) ## Pass the tests of the policy pack (1 min)
	$(RUN)/pytest $(PARALLEL) tests/policy

unit: $(STAMP) ## Pass the unit tests
	$(RUN)/pytest $(PARALLEL) tests/unit

coverage: $(STAMP) ## Pass the unit tests, and measure branch coverage (the limit is in pyproject.toml)
	$(RUN)/pytest $(PARALLEL) tests/unit --cov --cov-report=term

integration: $(STAMP) ## Pass the integration tests, on an embedded AWS
	$(RUN)/pytest tests/integration

# What runs on users' machines and in Lambda. uv finds these Pythons, also those of pyenv, or downloads them.
test-pythons: export PYENV_VERSION := $(shell pyenv versions --bare 2>/dev/null | paste -sd: -)
test-pythons: $(STAMP) ## Pass the unit tests of the client and the handlers on other Pythons (PYTHONS="3.12 3.13")
	for each in $(PYTHONS); do $(RUN)/uv run --quiet --isolated --no-project --python $$each \
	  --with-requirements requirements-dev.txt pytest $(PARALLEL) tests/unit/client tests/unit/handlers || exit; done

test-engine: $(STAMP) pulumi ## Pass the tests under the real Pulumi engine (20 min)
	$(RUN)/pytest $(PARALLEL) tests/engine

pulumi: $(STAMP) ## Build the Pulumi CLI from its Go module, unless there is one (5 min, once)
	@$(RUN)/python -m local.engine.pulumi_cli.cli

test-faults: $(STAMP) ## Break what can break, on an embedded AWS, and count how uploads end (4 min; COMPUTE=step-functions, step-functions-efs or fargate)
	$(RUN)/pytest tests/faults $(if $(COMPUTE),--compute $(COMPUTE))

soak: $(STAMP) ## The same with many uploads (20 min)
	$(RUN)/pytest tests/faults --soak $(if $(COMPUTE),--compute $(COMPUTE))

bench: $(STAMP) ## Measure what is claimed of speed, into docs/benchmarks.md (5 min; QUICK=1 only runs it)
	@$(RUN)/python -m benchmarks.nginx
	@$(RUN)/python -m benchmarks $(if $(QUICK),--quick)

wheel: $(STAMP) ## Build the client's wheel (.local/dist), and run its command in an environment of its own
	$(RUN)/uv build --quiet --wheel --build-constraints requirements-dev.txt --require-hashes --out-dir .local/dist client
	$(RUN)/uv tool run --quiet --isolated --constraints requirements-dev.txt --from .local/dist/*.whl portage --help >/dev/null

check: $(STAMP) ## Lint, format and type checks, whether generated files are current, words (words.yaml), imports (pyproject.toml), the Dockerfile and the workflows
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/pyright
	$(RUN)/python -m generate --check
	$(RUN)/python -m check_words
	$(RUN)/lint-imports --no-logo --no-cache
	$(RUN)/hadolint Dockerfile
	$(RUN)/shellcheck .ci/run .ci/deploy_digest .ci/install_program
	$(RUN)/zizmor --offline --quiet .github
	@if command -v go >/dev/null; then $(MAKE) --no-print-directory actionlint; else echo "actionlint is left out: there is no Go to build it."; fi

# PyPI has only a package that downloads it from GitHub. Go builds it from the module that .ci/actionlint/go.sum names.
ACTIONLINT := .local/bin/actionlint
$(ACTIONLINT): .ci/actionlint/go.sum
	cd .ci/actionlint && go build -o ../../$@ github.com/rhysd/actionlint/cmd/actionlint

actionlint: $(STAMP) $(ACTIONLINT) ## Check the workflows; it checks their scripts with shellcheck
	PATH="$(CURDIR)/$(RUN):$$PATH" $(ACTIONLINT)

generate: $(STAMP) ## Write what is generated: Pulumi.yaml's config block, docs/openapi.json, docs/schema.json, docs/policies.md, the picture of docs/eks.md, Amazon's root certificates
	$(RUN)/python -m generate

policy: $(STAMP) ## Review this checkout's stacks with the policy pack: a table, and .local/policies.sarif (15 s)
	@PYTHONPATH=policy $(RUN)/python -m tests.support.policies.report

golden: $(STAMP) ## Write the dumps of each stack's resources and of the API (tests/unit/golden), which a review reads as a diff
	$(RUN)/python -m tests.support.golden

format: $(STAMP) ## Format the code, and fix what ruff can fix
	$(RUN)/ruff check --fix
	$(RUN)/ruff format

# Each package is pinned with the hashes of its files, so that pip installs only what was reviewed here.
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make requirements" $(RUN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras
THUMBNAIL := handlers/processors/requirements/thumbnail
requirements: $(STAMP) ## Compile requirements*.txt from requirements*.in (UPGRADE=1: to the newest versions)
	$(COMPILE) $(if $(UPGRADE),--upgrade) requirements.in -o requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) -c requirements.txt requirements-dev.in -o requirements-dev.txt
	$(COMPILE) -c requirements-dev.txt policy/requirements.in -o policy/requirements.txt
	$(COMPILE) -c requirements-dev.txt requirements-worker.in -o requirements-worker.txt
	$(COMPILE) -c requirements-dev.txt requirements-function.in -o requirements-function.txt
	$(COMPILE) -c requirements-dev.txt $(THUMBNAIL).in -o $(THUMBNAIL).txt

clean: ## Remove .venv, caches and local state, but not the built Pulumi CLI (.local/bin)
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis $(filter-out .local/bin,$(wildcard .local/*))
