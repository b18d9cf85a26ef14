#!/bin/bash
# uninstalling.sh SIPWARD: before the binary goes, lift the bans and end the daemon.
set -euo pipefail
sipward=$1
# 3: no daemon is running.
if [ -x "$sipward" ]; then "$sipward" stop --clear || [ $? = 3 ]; fi
if [ -d /run/systemd/system ]; then systemctl --quiet disable --now sipward.service sipward-boot.service || true; fi
echo "the settings in /etc/sipward and the history in /var/lib/sipward stay; remove them by hand if you want"
