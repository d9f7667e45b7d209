# Holdall. `make help` tells what there is to say.

SHELL := /bin/sh
STAGE ?= cloud

# The first Python that is new enough; PYTHON=… names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
RUN := .venv/bin/python
CDK := JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20,21 CDK_DISABLE_VERSION_CHECK=1 \
	node_modules/.bin/cdk --no-notices -c stage=$(STAGE)

.DEFAULT_GOAL := help
.PHONY: help up down status demo minio mail superuser invite token rotate-keys test check bench layers openapi synth diff deploy python desk node all

help: ## what there is to say
	@echo 'Holdall: a file and media cloud of your own.'
	@echo
	@echo 'At the desk'
	@sed -n 's/^\([a-z-]*\):[^#]*## \([^A-Z].*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo 'In an account of AWS, with the credentials of this shell (STAGE=cloud unless you say another)'
	@sed -n 's/^\([a-z-]*\):[^#]*## AWS: \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo 'Settings: HOLDALL_PORT=4566  HOLDALL_MINIO_PORT=9000  PYTHON=python3'

up: all ## start Holdall on this machine, and print its addresses
	@$(RUN) -m infra.local up

down: python ## end what was started, by its own record; the data stays
	@if [ -x $(RUN) ]; then $(RUN) -m infra.local down; else echo 'Nothing of Holdall was installed, so nothing runs.'; fi

status: desk ## what runs, and where
	@$(RUN) -m infra.local status

demo: up ## see a photo become variants: make demo FILE=photo.jpg
	@$(RUN) -m infra.local.demo $(if $(FILE),'$(FILE)')

minio: desk ## start a MinIO, found or built
	@$(RUN) -m infra.local minio

superuser: desk ## make one more superuser: make superuser EMAIL=… (in AWS too: STAGE=cloud)
	@[ -n '$(EMAIL)' ] || { echo 'Say whose: make superuser EMAIL=somebody@example.com'; exit 2; }
	@$(if $(filter-out file,$(origin STAGE)),$(RUN) -m infra.operator_cli --stage '$(STAGE)' superuser '$(EMAIL)',$(RUN) -m infra.local superuser '$(EMAIL)')

mail: desk ## the letters that Holdall sent here, with their links, newest last
	@$(RUN) -m infra.local mail

invite: desk ## prepare an account and send its owner a letter: make invite EMAIL=… (in AWS too: STAGE=cloud)
	@[ -n '$(EMAIL)' ] || { echo 'Say whom: make invite EMAIL=somebody@example.com'; exit 2; }
	@$(if $(filter-out file,$(origin STAGE)),$(RUN) -m infra.operator_cli --stage '$(STAGE)' invite '$(EMAIL)',$(RUN) -m infra.local invite '$(EMAIL)')

token: desk ## an access token to try the API with, here only: make token EMAIL=… (TTL=900 seconds, the most)
	@[ -n '$(EMAIL)' ] || { echo 'Say whose: make token EMAIL=somebody@example.com'; exit 2; }
	@$(RUN) -m infra.local token '$(EMAIL)' $(if $(TTL),'$(TTL)')

rotate-keys: desk ## make the next signing key; the old one stays valid (in AWS too: STAGE=cloud)
	@$(if $(filter-out file,$(origin STAGE)),$(RUN) -m infra.operator_cli --stage '$(STAGE)' rotate-keys,$(RUN) -m infra.local rotate-keys)

test: all ## run every suite, or some: make test SUITES='unit api'
	@$(RUN) -m infra.local test $(SUITES)

check: desk node ## ruff, mypy, and the template by cdk-nag and cfn-lint
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(CDK) synth --quiet --output build/cdk.check
	.venv/bin/cfn-lint build/cdk.check/*.template.json

bench: python ## measure: cold starts, requests, logins, images, uploads at once
	@$(PYTHON) -m infra.local.install desk cloud
	@$(RUN) -m bench

layers: desk ## build the layers for this machine and for Lambda
	@$(RUN) -m infra.build host
	@$(RUN) -m infra.build lambda

openapi: desk ## write docs/openapi.json and docs/api.md from the code
	@$(RUN) -m infra.build.openapi

synth: desk node ## AWS: write the template to cdk.out; needs no account
	@$(CDK) synth --quiet
	@echo 'Written to cdk.out'

diff: desk node ## AWS: what a deploy would change
	@$(CDK) diff

deploy: desk node ## AWS: deploy
	@$(CDK) deploy

# The environments. Each is made anew only when its pinned requirements changed.
python:
	@[ -n '$(PYTHON)' ] || { echo 'Holdall needs Python 3.11 or newer, and there is none on the PATH.' \
		'Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
		'Holdall needs Python 3.11 or newer; $(PYTHON) is older, or does not run.' \
		'Name another: make $(MAKECMDGOALS) PYTHON=/path/to/python3'; exit 1; }

desk: python
	@$(PYTHON) -m infra.local.install desk

node: python
	@$(PYTHON) -m infra.local.install node

all: python
	@$(PYTHON) -m infra.local.install node desk cloud
