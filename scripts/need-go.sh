#!/bin/bash
# need-go.sh GO: make sure that GO can build this module. Go 1.21 and newer
# fetch the version that go.mod asks for by themselves; an older one, and none at
# all, are helped here.
set -euo pipefail
go=${1:-go}
wanted=$(sed -n 's/^go //p' go.mod)
home=/usr/local/go # the Makefile looks here first

fits() { # GO runs here as the wanted version or a newer one
  local have
  command -v "$go" >/dev/null || return 1
  have=$("$go" env GOVERSION 2>/dev/null) || return 1
  [ "$(printf '%s\n' "$wanted" "${have#go}" | sort -V | head -1)" = "$wanted" ]
}

# fetch lets an old Go download the wanted one as the module it also is, checked
# like every module, and puts it where nothing is yet.
fetch() {
  local cache
  [ ! -e "$home" ] || return 1
  echo "downloading Go $wanted"
  cache=$(mktemp -d)
  (cd "$cache" && GOFLAGS=-modcacherw GOMODCACHE=$cache \
    "$go" mod download "golang.org/toolchain@v0.0.1-go$wanted.linux-$("$go" env GOARCH)") || return 1
  cp -r "$cache/golang.org/"toolchain@* "$home"
  chmod +x "$home/bin/"* "$home/pkg/tool/"*/*
  rm -rf "$cache"
}

fits && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  command -v "$go" >/dev/null || scripts/packages.sh golang-go ca-certificates
  hash -r
  fits && exit 0
  if [ "$go" = go ] && fetch; then hash -r; fi
  fits && exit 0
fi
cat >&2 <<TEXT
sipward is built with Go $wanted or newer, and $(command -v "$go" >/dev/null && echo "this machine has $("$go" version | cut -d' ' -f3)" || echo "this machine has none").
Install it as https://go.dev/doc/install says (one archive, unpacked to $home), then run make again.
TEXT
exit 1
