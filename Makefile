# `make help` lists the targets. Anything longer than three lines lives in devops/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run demo assets real-data check check-format check-lints check-docs check-text test e2e live-crowd chaos chaos-long \
	security bench

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: ## build everything and start the demo laboratory
	@devops/prerequisites.sh
	@$(MAKE) --no-print-directory assets real-data
	cargo run -- demo $(ARGS)

demo: run ## the same as run

assets: $(if $(wildcard package-lock.json),static/vendor/.stamp) ## fetch the third-party front-end files

node_modules/.package-lock.json: package-lock.json
	npm ci
	@touch $@

# Only the styles and icons that pages use are taken, so what uses them is looked at.
static/vendor/.stamp: node_modules/.package-lock.json devops/vendor-assets.mjs $(shell find templates static/js src/web -type f 2>/dev/null)
	node devops/vendor-assets.mjs
	@touch $@

real-data: ## fetch measured vendor files for the importer's tests (skipped without a network)
	@python3 devops/real-data.py

check: check-format check-lints check-docs check-text ## formatting, lints, documentation, links and words

check-format:
	cargo fmt --check

check-lints: assets
	cargo clippy --all-targets -- -D warnings

check-docs: assets
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet

check-text:
	@python3 devops/check-text.py

test: ## every test except the browser's; installs what the tests need
	@devops/test-setup.sh
	@$(MAKE) --no-print-directory assets real-data
	@devops/test.sh

e2e: ## the browser tests
	@devops/test-setup.sh
	@$(MAKE) --no-print-directory assets
	@devops/e2e.sh

live-crowd: ## 200 browsers on one station: from commit to screen, what the server needs, what grows (DURATION_S=3600 for an hour)
	@devops/test-setup.sh
	@$(MAKE) --no-print-directory assets
	cargo build --release
	CELLAR_BIN=$(CURDIR)/target/release/cellar node e2e/live-crowd.mjs

chaos: ## kill, cut off, fill up and mislead everything for a few minutes; nothing may be lost (see docs/chaos.md)
	@devops/test-setup.sh chaos
	@$(MAKE) --no-print-directory assets
	@devops/chaos.sh short $(ARGS)

chaos-long: ## the same for hours: a hundred kills, ten thousand devices, ten minutes without a database, a soak
	@devops/test-setup.sh chaos
	@$(MAKE) --no-print-directory assets
	@devops/chaos.sh long $(ARGS)

security: ## scan a seeded server with sqlmap and wapiti (half an hour; no part of `make test`)
	@devops/test-setup.sh
	@$(MAKE) --no-print-directory assets
	@devops/security.sh $(ARGS)

bench: ## the benchmarks; they print figures and are no part of `make test`
	cargo bench
