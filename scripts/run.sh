#!/bin/bash
# run.sh SIPWARD: run it in the foreground with the settings it has built in.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "watching the network needs root: sudo make run" >&2; exit 1; }
cat <<TEXT
sipward watches this machine's SIP traffic now. It is in monitor mode: it blocks nobody.
In another terminal:
    $1 status       what it watches, and whether it is well
    $1 events -f    what it sees
    $1 bans         whom it would keep out
Ctrl-C ends it.
TEXT
exec "$1" run --monitor
