#!/bin/bash
# test.sh GO: run every test and say at the end what was skipped, and why.
set -euo pipefail
go=${1:-go}
[ "$(id -u)" = 0 ] || { echo "the tests make network namespaces: run them as root" >&2; exit 1; }
"$go" test -count=1 -timeout 15m -json ./... | "$go" run ./internal/tools/testreport
