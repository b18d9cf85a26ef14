#!/bin/bash
# need-go.sh GO: make sure that GO can build this module. Go 1.21 and newer
# fetch the version that go.mod asks for by themselves.
set -euo pipefail
go=${1:-go}
wanted=$(sed -n 's/^go //p' go.mod)

fits() { # GO runs here as the wanted version or a newer one
  local have
  command -v "$go" >/dev/null || return 1
  have=$("$go" env GOVERSION 2>/dev/null) || return 1
  [ "$(printf '%s\n' "$wanted" "${have#go}" | sort -V | head -1)" = "$wanted" ]
}

fits && exit 0
if ! command -v "$go" >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  scripts/packages.sh golang-go
  fits && exit 0
fi
cat >&2 <<TEXT
sipward is built with Go $wanted or newer, and $(command -v "$go" >/dev/null && echo "this machine has $("$go" version | cut -d' ' -f3)" || echo "this machine has none").
Install it as https://go.dev/doc/install says (one archive, unpacked to /usr/local/go), then run make again.
TEXT
exit 1
