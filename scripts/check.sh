#!/bin/bash
# check.sh GO: everything about the code that can be told without running it.
set -euo pipefail
go=${1:-go}
say() { printf '%-12s %s\n' "$1" "$2"; }

unformatted=$(gofmt -l cmd internal)
[ -z "$unformatted" ] || { echo "not formatted with gofmt:"; echo "$unformatted"; exit 1; }
say gofmt ok
"$go" build -o /dev/null ./...
say build ok
# Offline verbs work on other systems too, and the reader of SIP messages has a
# file for processors without SSE2.
GOOS=darwin "$go" build -o /dev/null ./...
GOARCH=arm64 "$go" build -o /dev/null ./internal/sip/
say elsewhere ok
"$go" vet ./...
say vet ok
"$go" tool staticcheck ./...
say staticcheck ok
"$go" test -count=1 ./internal/house/
for script in scripts/*.sh .ci/run; do bash -n "$script"; done
say scripts ok
