#!/bin/bash
# Runs a command on the first of two hosts: network namespaces that nothing but a link joins, each
# with a core of its own, on which `mpirun -n 2` starts a rank each. As root, with iproute2 and
# OpenMPI; all that travels between the ranks is TCP over the link.
#
#     bench/two_hosts.sh [--rate 1gbit] [--delay 1ms] COMMAND...
#     bench/two_hosts.sh --rate 1gbit mpirun -n 2 build/release/tessera train configs/bench_small.yaml
#
# --rate limits either direction, by tc's token bucket. --delay, in ms, holds each packet so long, so
# that a round trip takes twice that: by netem, or where the kernel has none by delay_line.cpp.
# bench/two_hosts.py measures with it.
set -euo pipefail
rate='' delay=''
while [ $# -gt 0 ]; do
  case $1 in
    --rate) rate=$2; shift 2 ;;
    --delay) delay=$2; shift 2 ;;
    *) break ;;
  esac
done
[ $# -ge 1 ] || { sed -n '2,11p' "$0" >&2; exit 2; }
case $delay in '' | [0-9]*ms) ;; *) echo "$0: --delay $delay: how many ms, as 1ms?" >&2; exit 2 ;; esac
[ "$(id -u)" = 0 ] || { echo "$0: network namespaces need root" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
read -r first second < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0))[:2])') || true
[ -n "${second:-}" ] || { echo "$0: two hosts need two cores" >&2; exit 1; }

folder=$(mktemp -d) line=''
hosts=("two-hosts-a-$$" "two-hosts-b-$$") links=("tha$$" "thb$$") addresses=(10.97.0.1 10.97.0.2)
stop() {
  [ -z "$line" ] || kill "$line" 2>/dev/null || true
  for host in "${hosts[@]}"; do ip netns del "$host" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap stop EXIT
for host in "${hosts[@]}"; do ip netns add "$host"; done

# Whether this kernel has netem, told by a device that exists.
has_netem() {
  ip netns exec "${hosts[0]}" tc qdisc add dev lo root netem delay 1ms 2>/dev/null || return 1
  ip netns exec "${hosts[0]}" tc qdisc del dev lo root
}

by=none
if [ -n "$delay" ]; then
  by=delay_line
  if has_netem; then by=netem; fi
fi
if [ $by = delay_line ]; then
  # Ahead of the ranks, whose cores it shares: a packet is not to wait for a training step.
  c++ -std=c++20 -O2 "$here/delay_line.cpp" -o "$folder/delay_line"
  chrt -f 1 "$folder/delay_line" "${links[@]}" "${delay%ms}" > "$folder/line" &
  line=$!
  for _ in $(seq 100); do
    [ ! -s "$folder/line" ] || break
    kill -0 "$line" 2>/dev/null || exit 1
    sleep 0.05
  done
else
  ip link add "${links[0]}" type veth peer name "${links[1]}"
fi
for i in 0 1; do
  ip link set "${links[i]}" netns "${hosts[i]}"
  ip -n "${hosts[i]}" link set lo up
  ip -n "${hosts[i]}" addr add "${addresses[i]}/24" dev "${links[i]}"
  ip -n "${hosts[i]}" link set "${links[i]}" txqueuelen 10000 up
  # Not one that measures the path for seconds first; reno is what any namespace may have.
  ip netns exec "${hosts[i]}" sysctl -qw net.ipv4.tcp_congestion_control=reno
  parent=root
  if [ $by = netem ]; then
    tc -n "${hosts[i]}" qdisc add dev "${links[i]}" root handle 1: netem delay "$delay" limit 100000
    parent="parent 1:1"
  fi
  # The kernel hands over up to 64 KB at once, which the bucket has to hold.
  # shellcheck disable=SC2086
  [ -z "$rate" ] || tc -n "${hosts[i]}" qdisc add dev "${links[i]}" $parent handle 10: \
    tbf rate "$rate" burst 128kb limit 4mb
done

# What ssh is elsewhere: `agent HOST COMMAND...` runs it on the second host.
cat > "$folder/agent" <<AGENT
#!/bin/sh
shift
exec taskset -c $second ip netns exec ${hosts[1]} unshare --uts sh -c "hostname two-hosts-b; \$*"
AGENT
chmod +x "$folder/agent"
printf '%s slots=1\n' "${addresses[@]}" > "$folder/hosts"

export TWO_HOSTS_AGENT=$folder/agent TWO_HOSTS_LINKS="${links[*]}" TWO_HOSTS_ADDRESSES="${addresses[*]}"
export TWO_HOSTS_DELAY_BY=$by
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent=$folder/agent OMPI_MCA_orte_default_hostfile=$folder/hosts
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=tcp,self
export OMPI_MCA_btl_tcp_if_include=10.97.0.0/24 OMPI_MCA_oob_tcp_if_include=10.97.0.0/24
export OMPI_MCA_hwloc_base_binding_policy=none  # taskset has bound them
taskset -c "$first" ip netns exec "${hosts[0]}" unshare --uts \
  sh -c 'hostname two-hosts-a; exec "$@"' sh "$@"
