# sipward: everything a developer or an administrator does, on a new Debian 12+
# or Ubuntu machine. "make help" lists the targets.

SHELL     := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export PATH := /usr/local/go/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin
export CGO_ENABLED := 0

GO       ?= go
BIN      := sipward
PREFIX   ?= /usr
DESTDIR  ?=
UNITDIR  ?= $(PREFIX)/lib/systemd/system
CONFDIR  ?= /etc/sipward
FUZZTIME ?= 10m
# LOGSIZE is how many bytes of log `make bench` judges.
LOGSIZE  ?= 200000000

# git may refuse to speak about a tree that somebody else owns; the build then
# goes on without the commit in "sipward version".
BUILD_FLAGS = -trimpath -ldflags '-s -w' \
	-buildvcs=$(shell git rev-parse HEAD >/dev/null 2>&1 && echo auto || echo false)

# What the tests need besides Go: the kernel's tools, a real SIP server, real
# attack tools, and systemd-analyze to judge the units.
TEST_PACKAGES := iproute2 util-linux procps nftables kamailio sip-tester sipvicious systemd chromium

.PHONY: help go build run test test-packages check house bench fuzz soak race lab demo install install-files uninstall clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

go: # a Go that can build this, or a clear word
	@scripts/need-go.sh $(GO)

build: go ## build the static binary ./sipward
	$(GO) build $(BUILD_FLAGS) -o $(BIN) ./cmd/sipward

run: build ## watch this machine's SIP traffic, block nobody, until Ctrl-C
	@scripts/run.sh ./$(BIN)

test: go test-packages check ## install what the tests need, check the rules, run every test (as root)
	scripts/test.sh $(GO)

test-packages:
	@scripts/packages.sh $(TEST_PACKAGES)

check: go ## gofmt, vet, staticcheck, the house rules, builds for every platform
	@scripts/check.sh $(GO)

house: go ## the house rules alone
	$(GO) test ./internal/house/

bench: build ## measure the SIP reader and the river against sipgo's parser, logs against fail2ban, verdicts beside broken reports (as root)
	@scripts/packages.sh fail2ban
	$(GO) run ./internal/tools/parsebench
	$(GO) run ./internal/tools/riverbench
	$(GO) run ./internal/tools/logbench -binary ./$(BIN) -size $(LOGSIZE)
	SIPWARD_BENCH=1 $(GO) test -count=1 -run '^TestVerdictsBesideRubbish$$' -v ./internal/e2e

fuzz: go ## fuzz every target for FUZZTIME (10m), two at a time; logs in dist/fuzz
	scripts/fuzz.sh $(GO) $(FUZZTIME) dist/fuzz

soak: go test-packages ## the long tests: hundreds of log rotations and kills (about an hour)
	scripts/soak.sh $(GO)

race: go test-packages ## every test under the race detector (needs gcc)
	CGO_ENABLED=1 $(GO) test -race -timeout 40m ./...

lab: build ## attack a real server: LAB_DIR=DIR [SERVER=ast22] [CASES="svcrack dialplan"]
	scripts/lab.sh ./$(BIN) "$(LAB_DIR)" "$(or $(SERVER),ast22)" $(or $(CASES),svmap svcrack dialplan office)

demo: build test-packages ## see an attack and its ban, in namespaces of its own (as root)
	SIPWARD_DEMO=1 $(GO) test -count=1 -run '^TestDemo$$' -v ./internal/e2e

install: build install-files ## binary, systemd units and an empty configuration (DESTDIR works)

install-files: # BIN, built or not by us
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/sipward
	install -D -m 644 packaging/sipward.service $(DESTDIR)$(UNITDIR)/sipward.service
	install -D -m 644 packaging/sipward-boot.service $(DESTDIR)$(UNITDIR)/sipward-boot.service
	install -D -m 644 docs/sipward.yaml $(DESTDIR)$(PREFIX)/share/doc/sipward/sipward.yaml
	test -e $(DESTDIR)$(CONFDIR)/sipward.yaml || install -D -m 640 packaging/sipward.yaml $(DESTDIR)$(CONFDIR)/sipward.yaml
	@if [ -z "$(DESTDIR)" ]; then scripts/installed.sh; fi

uninstall: ## stop sipward, lift its bans, remove binary and units; settings and history stay
	@if [ -z "$(DESTDIR)" ]; then scripts/uninstalling.sh $(PREFIX)/bin/sipward; fi
	rm -f $(DESTDIR)$(PREFIX)/bin/sipward $(DESTDIR)$(UNITDIR)/sipward.service $(DESTDIR)$(UNITDIR)/sipward-boot.service
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/sipward
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

clean: ## remove what was built here
	rm -rf $(BIN) dist
