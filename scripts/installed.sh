#!/bin/bash
# installed.sh: after an installation into this machine, tell its manager of
# services and the administrator.
set -euo pipefail
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ -d /run/systemd/system ] && systemctl --quiet is-active sipward.service; then
  cat <<'TEXT'
Installed. The version before still runs; change over, without a gap in the bans:
    systemctl restart sipward
TEXT
  exit
fi
cat <<'TEXT'
Installed. Start it now and at every boot, in monitor mode until you say otherwise:
    systemctl enable --now sipward-boot sipward
    sipward status
TEXT
