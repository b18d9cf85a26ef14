#!/bin/bash
# soak.sh GO: the long forms of the tests that a quarter of an hour has no room
# for. All of them run, then the script fails if any did.
set -uo pipefail
go=${1:-go}
failed=0
soak() { echo "== $*"; "$go" test -count=1 "$@" || failed=1; }

# 200 rotations of every kind, with and without inotify, and a writer that keeps
# a rotated file open for a minute.
soak -timeout 60m -run 'TestTorture|TestLateCloser' ./internal/tail/ -args -rotations=200 -late=60s
# Hundreds of kills, and disks that fill up and fail.
SIPWARD_THOROUGH=1 soak -timeout 60m ./internal/store/ ./internal/ban/
# A flood of spoofed sources.
SIPWARD_THOROUGH=1 soak -timeout 10m -run TestSpoofedFlood ./internal/e2e/
# The kernel's table, ten times over.
soak -timeout 60m -count=10 ./internal/nft/
exit "$failed"
