#!/bin/bash
# fuzz.sh GO TIME DIR: fuzz every target of the module for TIME each, two at a
# time, with one log a target in DIR.
set -euo pipefail
go=$1 time=$2 dir=$3
mkdir -p "$dir"
rm -f "$dir"/*.log

targets=$(for package in $("$go" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...); do
  "$go" test -list '^Fuzz' "$package" | sed -n "s|^\(Fuzz.*\)|$package \1|p"
done)
[ -n "$targets" ] || { echo "no fuzz target found" >&2; exit 1; }
echo "$targets" | sed 's/^/  /'

one() { # GO TIME DIR PACKAGE TARGET
  local log=$3/$(basename "$4").$5.log
  if "$1" test -run '^$' -fuzz "^$5\$" -fuzztime "$2" -parallel 1 -timeout 0 "$4" >"$log" 2>&1; then
    echo "ok    ${4##*/}.$5  $(grep -o 'execs: [0-9]*' "$log" | tail -1)"
  else
    echo "FAIL  ${4##*/}.$5  see $log"
    return 1
  fi
}
export -f one
# xargs gives 123 if any target failed.
echo "$targets" | xargs -P 2 -L 1 bash -c 'one "$@"' one "$go" "$time" "$dir"
