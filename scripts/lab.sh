#!/bin/bash
# lab.sh SIPWARD LAB_DIR SERVER CASE...: run attacks of a lab against a real
# server that this sipward defends. The lab is not part of this project; its
# scripts take the binary's path in SIPWARD. SERVER is ast22 or ast16 (chan_sip on
# port 5060), ast16-pjsip (the same, attacked at 5080), kamailio, kamailio-pike, and
# where the lab has them built, freeswitch and opensips. The cases "detect" and
# "prefixes" are our own: see lab-own.sh.
set -euo pipefail
sipward=$(realpath "$1") lab=$2 server=$3
shift 3
if [ -z "$lab" ] || [ ! -x "$lab/all-attacks.sh" ]; then
  echo "make lab needs the lab's folder: make lab LAB_DIR=DIR, where DIR/all-attacks.sh is (given: \"$lab\")" >&2
  exit 1
fi
lab=$(realpath "$lab")
case $server in
  kamailio) program=kamailio arguments=(start) ;;
  kamailio-pike) program=kamailio arguments=(start pike) ;;
  freeswitch | opensips) program=$server arguments=(start) ;;
  ast*) program=asterisk arguments=(start "${server%-pjsip}") ;;
  *)
    echo "make lab knows no server \"$server\": SERVER is ast22, ast16, ast16-pjsip, kamailio, kamailio-pike, freeswitch or opensips" >&2
    exit 1
    ;;
esac
"$lab/10-roots.sh"
"$lab/20-net.sh" up
stop() {
  "$lab/servers/$program.sh" stop "${arguments[@]:1}" || true
  "$lab/20-net.sh" down
}
trap stop EXIT
"$lab/servers/$program.sh" "${arguments[@]}"
here=$(dirname "$0") failed=0
for case; do
  case $case in
    detect | prefixes) "$here/lab-own.sh" "$sipward" "$lab" "$server" "$case" || failed=1 ;;
    *) SIPWARD=$sipward "$lab/all-attacks.sh" "$server" sipward "$case" || failed=1 ;;
  esac
done
exit $failed
