#!/bin/bash
# lab-own.sh SIPWARD LAB_DIR SERVER CASE: a case of our own in a lab whose server
# is up. sipward runs where the server does, among its files, with an EMPTY
# configuration: what it knows it has found.
#   detect    ports, logs and trunks of the server, and who is logged in by SSH
#   prefixes  one number behind ten prefixes, one a second, no challenge answered
# Prints what was found beside what should be, and fails when something is missing.
set -euo pipefail
sipward=$1 lab=$2 server=${3%-pjsip} case=$4
here=$(cd "$(dirname "$0")" && pwd)
set +u
. "$lab/lib.sh"
set +e
case $server in ast*) root=$server ;; *) root=tools ;; esac
# What the lab shares is seen from inside its roots as $inside.
shared=$LAB_ROOT/shared inside=/lab
admin=203.0.113.20 prober=198.51.100.15
status=0

# ward VERB...: ask the daemon.
ward() { "$shared/ward/sipward" "$@" --socket "$shared/ward/socket"; }
ward_up() {
  rm -rf "$shared/ward" && mkdir -p "$shared/ward"
  cp "$sipward" "$shared/ward/sipward" && : >"$shared/ward/empty.yaml"
  bg ward in_root "$SRV" "$root" $inside/ward/sipward run --enforce --config $inside/ward/empty.yaml --state $inside/ward/state --socket $inside/ward/socket
  wait_for 60 grep -q 'sipward: ready' "$LOGS/ward.out" || { echo "sipward does not start:"; tail -5 "$LOGS/ward.out"; exit 1; }
}
down() {
  ward stop --clear >/dev/null 2>&1
  for name in ward ssh sshd; do stop $name; done
}
trap down EXIT

# expect WHAT WANTED FOUND: one line of the answer.
expect() {
  local verdict=ok
  [ "$2" = "$3" ] || verdict=MISSING status=1
  printf '%-8s %-10s %-8s %s\n' "$server" "$1" "$verdict" "$3"
  [ $verdict = ok ] || printf '%-8s %-10s %-8s %s\n' "" "" wanted "$2"
}

# sshd_up logs the administrator in, over a real sshd with a root of its own. It
# writes its utmp, as sshd does, where the server's machine has it.
sshd_up() {
  local ssh=$ROOTS/ssh mirror
  if [ ! -e "$ssh/.siplab-ok" ]; then
    mirror=${LAB_MIRROR:-$(awk '/^URIs:/{print $2;exit}' /etc/apt/sources.list.d/debian.sources)}
    rm -rf "${ssh:?}"
    mmdebstrap --quiet --variant=essential --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
      --dpkgopt=force-unsafe-io --include=openssh-server,openssh-client bookworm "$ssh" "deb $mirror bookworm main" >"$LOGS/root-ssh.log" 2>&1 || return 1
    touch "$ssh/.siplab-ok"
  fi
  : >"$ROOTS/$root/run/utmp" && ln -f "$ROOTS/$root/run/utmp" "$ssh/run/utmp" || return 1
  mkdir -p "$ssh/run/sshd" "$ssh/proc" "$ssh/dev"
  rm -f "$ssh/etc/ssh/admin" "$ssh/etc/ssh/admin.pub"
  ssh-keygen -q -t ed25519 -N '' -f "$ssh/etc/ssh/admin"
  in_ssh "$SRV" sshd /usr/sbin/sshd -D -e -o UsePAM=no -o PidFile=none -o PermitRootLogin=yes -o AuthorizedKeysFile=/etc/ssh/admin.pub
  ip -n "$LEG" addr replace $admin/25 dev eth0
  in_ssh "$LEG" ssh ssh -tt -b $admin -i /etc/ssh/admin -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectionAttempts=30 root@$SRV_IP sleep 600
  wait_for 30 grep -q "$admin" "$ROOTS/$root/run/utmp"
}
# in_ssh NAMESPACE NAME CMD...: in the root of ssh, with terminals, in the background.
in_ssh() {
  local n=$1 name=$2; shift 2
  bg "$name" ip netns exec "$n" unshare -m --propagation private sh -c 'r=$0; mount -t proc proc "$r/proc"; mount --rbind /dev "$r/dev"
    exec chroot "$r" "$@"' "$ROOTS/ssh" "$@" </dev/null
}

detect() {
  sshd_up || { echo "no SSH session: $(tail -1 "$LOGS/ssh.out" "$LOGS/sshd.out" 2>&1)"; status=1; }
  ward_up
  ward status --json >"$shared/ward/status.json"
  # Lines of "what: value", in an order of their own.
  python3 - "$shared/ward/status.json" >"$shared/ward/found" <<'P'
import json, sys
s = json.load(open(sys.argv[1]))
servers = [v for v in s.get("servers", []) if v["name"] != "unknown" and not v.get("apart") and v.get("pid")]
print("ports:", " ".join(sorted(p for v in servers for p in v.get("ports", []))))
print("logs:", " ".join(l.get("file") or "journal of " + l.get("unit", "?") for v in servers for l in v.get("logs", [])))
print("followed:", " ".join(x["name"] for x in s["sources"] if x["kind"] == "log"))
print("trunks:", " ".join(sorted({t["prefix"] for t in s.get("trunks", []) if "prefix" in t})))
P
  found() { sed -n "s/^$1: *//p" "$shared/ward/found"; }
  case $server in
    ast22) ports="5060/tcp 5060/udp 5061/tls 8088/ws" ;;
    ast16) ports="5060/tcp 5060/udp 5080/tcp 5080/udp 5081/tls 8088/ws" ;;
    *) ports="5060/tcp 5060/udp" ;;
  esac
  expect ports "$ports" "$(found ports)"
  case $server in
    ast*)
      expect logs /var/log/asterisk/messages "$(found logs)"
      expect followed /var/log/asterisk/messages "$(found followed)"
      expect trunks $TRK_IP/32 "$(found trunks)" ;;
  esac
  ward why $admin >"$shared/ward/why" 2>&1
  expect ssh "your ssh session (root" "$(grep -o -m1 'your ssh session (root' "$shared/ward/why")"
  ward ban $admin >/dev/null 2>&1
  expect "ssh ban" "refused (exit 6)" "refused (exit $?)"
}

prefixes() {
  cp "$here/lab-prefixes.xml" "$shared/prefixes.xml"
  { echo SEQUENTIAL; for p in 00 011 9011 900 0011 + 90011 7011 8011 5011; do echo "${p}442079460123"; done; } >"$shared/prefixes.csv"
  ip -n "$ATT" addr replace $prober/24 dev eth0
  ward_up
  local port=5060
  [ "$3" = ast16-pjsip ] && port=5080
  rm -f "$shared/prefixes.log"
  in_root "$ATT" tools timeout 60 sipp -sf $inside/prefixes.xml -inf $inside/prefixes.csv -i $prober -p 5070 -m 10 -r 1 -l 1 -nr -nostdin \
    -trace_logs -log_file $inside/prefixes.log "$SRV_IP:$port" >"$LOGS/prefixes.out" 2>&1
  cut -f2- "$shared/prefixes.log" | sed "s/^/$server  /"
  ward events --json >"$shared/ward/events.json"
  # The first block of the prober: what decided, when, and how much came after it.
  local first; first=$(python3 - "$shared/ward/events.json" $prober <<'P'
import json, sys
for line in open(sys.argv[1]):
    e = json.loads(line)
    if e.get("type") == "ban" and e.get("prefix", "").startswith(sys.argv[2]) and e.get("action") in ("limit", "drop"):
        print(e.get("rule"), e["action"], e.get("proof"), e.get("requests"), e.get("why")); break
P
  )
  local rule action proof requests why; read -r rule action proof requests why <<<"$first"
  expect rule dialplan "$rule"
  expect prefixes 3 "$(sed -n 's/.* behind \([0-9]*\) prefixes.*/\1/p' <<<"$why")"
  # A call and the acknowledgement of its answer, three times, and the call that brings it to light.
  [ "${requests:-99}" -le 7 ] || { echo "decided only at request $requests"; status=1; }
  local answered; answered=$(grep -c ' answered' "$shared/prefixes.log")
  printf '%-8s %s on proof %s at request %s; %s of 10 calls answered\n' "$server" "$action" "$proof" "$requests" "$answered"
  # Dropped, the fourth is the last that can be answered; limited, five more and one a second.
  [ "$action" = limit ] || [ "$answered" -le 4 ] || { echo "$answered calls were answered"; status=1; }
}

case $case in detect | prefixes) $case "$@" ;; *) echo "no case $case" >&2; exit 2 ;; esac
exit $status
