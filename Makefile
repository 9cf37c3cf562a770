# Shoal's front door. `make help` lists every target.
SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

CONFIG ?= Release
RID ?= linux-$(shell uname -m | sed -e s/x86_64/x64/ -e s/aarch64/arm64/)
ART := artifacts
PUBLISH := dotnet publish -c $(CONFIG) --self-contained false -v quiet -nologo -clp:NoSummary

##@ Everyday
.PHONY: help
help: ## list the targets
	@awk 'BEGIN{FS=":.*## "} /^##@/{printf "\n%s\n",substr($$0,5)} /^[a-z][a-z-]*:.*## /{printf "  %-14s %s\n",$$1,$$2}' Makefile

.PHONY: build
build: ## publish shoal-node, shoal-operator and shoal into artifacts/bin
	@mkdir -p $(ART)/bin
	@[ -e $(ART)/bin/shoal ] || echo "building; the first time takes a minute or two"
	@$(PUBLISH) -r $(RID) -p:PublishReadyToRun=true node/Server -o $(ART)/node
	@$(PUBLISH) operator/Operator.csproj -o $(ART)/operator
	@$(PUBLISH) operator/Cli -o $(ART)/cli
	@ln -sf ../node/shoal-node $(ART)/bin/shoal-node
	@ln -sf ../operator/shoal-operator $(ART)/bin/shoal-operator
	@ln -sf ../cli/shoal $(ART)/bin/shoal
	@ln -sf ../cli/shoal $(ART)/bin/kubectl-shoal
	@echo "built: $$(ls $(ART)/bin | tr '\n' ' ')in $(ART)/bin"

.PHONY: run
run: build ## start the sandbox, the operator and a sample cluster; Ctrl-C stops it all
	@exec $(ART)/bin/shoal sandbox run --sample config/samples/cluster.yaml

.PHONY: test
test: build ## every test that needs only the .NET SDK
	@test/run-tests.sh

.PHONY: test-kube
test-kube: build ## the operator suite against the API server in KUBEBUILDER_ASSETS, or the cluster in KUBECONFIG
	@test/run-tests.sh --kube

.PHONY: bench
bench: build ## ratio table against the peers found on the machine
	@test/Benchmarks/bench.sh

##@ Upkeep
.PHONY: manifests
manifests: build ## regenerate crds/, and the chart's copies of the CRDs and the RBAC rules
	@$(ART)/bin/shoal-operator crds --out crds
	@cp crds/*.yaml charts/shoal/crds/
	@sed -n '/^rules:/,$$p' config/rbac/role.yaml > charts/shoal/files/rules.yaml

.PHONY: lint
lint: ## code style, as the build enforces it
	@dotnet format --verify-no-changes --severity error

.PHONY: clean
clean: ## remove what the build made
	@rm -rf $(ART) .sandbox; find . -type d \( -name bin -o -name obj \) -not -path './.git/*' -prune -exec rm -rf {} +
