#!/bin/bash
# test.sh GO: run every test and say at the end what was skipped, and why.
set -euo pipefail
go=${1:-go}
[ "$(id -u)" = 0 ] || { echo "the tests make network namespaces: run them as root" >&2; exit 1; }

# The end-to-end tests measure what an attacker gets through in milliseconds, so
# they come last and have the machine to themselves.
alone=./internal/e2e
failed() { printf '{"Action":"fail","Package":"%s"}\n' "$1"; } # also when go test could not begin
others=$("$go" list ./... | grep -v "/${alone#./}\$")
{
	"$go" test -count=1 -timeout 15m -json $others || failed others
	"$go" test -count=1 -timeout 15m -json "$alone" || failed "$alone"
} | "$go" run ./internal/tools/testreport
