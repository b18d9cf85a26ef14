#!/bin/bash
# packages.sh NAME...: install those of these Debian packages that are missing.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

missing=()
for name in "$@"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || { echo "missing packages: ${missing[*]}; install them, or run this as root" >&2; exit 1; }
echo "installing ${missing[*]}"

# A server that comes with a package must not start serving this machine's SIP
# port: the packages ask this program whether they may start what they bring.
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
  trap 'rm -f "$guard"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
fi
log=$(mktemp)
if ! { apt-get -qq update && apt-get -qq install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
rm -f "$log"
# Nor at the next boot.
for name in kamailio fail2ban; do
  if [ -d /run/systemd/system ] && [[ " ${missing[*]} " == *" $name "* ]]; then systemctl --quiet disable "$name"; fi
done
