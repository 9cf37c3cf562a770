#!/usr/bin/env bash
# The ratio table against the peers this machine has: each server alone on CPU 0, the generator on CPU 1, interleaved.
#   test/Benchmarks/bench.sh [--quick]          env: TESTS=set,get PIPES=1,16,64 ROUNDS=3 SCALE=1.0 PEERS="redis8 valkey"
# The node is artifacts/bin/shoal-node (make build leaves it there); whatever this script starts it stops.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers_dir=${PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/shoal-peers}
export PATH=$peers_dir:$PATH
tests=${TESTS:-set,get,incr,lpush,hset,zadd} pipes=${PIPES:-1,16,64} rounds=${ROUNDS:-3} scale=${SCALE:-1.0} peers=${PEERS:-redis8 redis valkey}
[ "${1:-}" != --quick ] || { rounds=1 scale=0.2; }
node=${SHOAL_NODE:-artifacts/bin/shoal-node}
[ -x "$node" ] || make build
command -v redis-benchmark >/dev/null || { echo "bench: redis-benchmark is not on PATH (Debian: apt-get install redis-tools)"; exit 1; }

folder=$(mktemp -d); pids=()
stop() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT INT TERM
servers=(); port=${PORT:-17100}
start() { # name command...
  local name=$1; shift; port=$((port + 1)); mkdir -p "$folder/$name"
  local keeps=--dir; [ "$name" != garnet ] || keeps=--checkpointdir   # Garnet's word for it
  taskset -c 0 "$@" --port $port $keeps "$folder/$name" >"$folder/$name.log" 2>&1 & pids+=($!)
  local pid=$!
  for _ in $(seq 100); do redis-cli -p $port ping 2>/dev/null | grep -q PONG && break; sleep 0.1; done
  redis-cli -p $port ping 2>/dev/null | grep -q PONG || { echo "bench: $name did not start:"; tail -5 "$folder/$name.log"; return 0; }
  servers+=("$name=$port:$pid")
}
quiet=(--save '' --appendonly no --protected-mode no)
for peer in $peers; do
  case $peer in
    redis8) command -v redis8-server >/dev/null && start redis8 redis8-server "${quiet[@]}" --io-threads 1 ;;
    redis) { command -v redis8-server || ! command -v redis-server; } >/dev/null || start redis redis-server "${quiet[@]}" --io-threads 1 ;;
    valkey) command -v valkey-server >/dev/null && start valkey valkey-server "${quiet[@]}" --io-threads 1 ;;
    garnet) command -v garnet-server >/dev/null && start garnet garnet-server --bind 127.0.0.1 ;;
  esac || true
done
start shoal "$node" "${quiet[@]}"
[ ${#servers[@]} -gt 0 ] || exit 1
python=$(command -v python3 || true)
if [ -n "$python" ]; then
  exec 3>&1
  "$python" test/Benchmarks/ratio.py --rounds "$rounds" --scale "$scale" --tests "$tests" --pipes "$pipes" ${JSON:+--json "$JSON"} "${servers[@]}"
else
  printf '%-8s' cell; for s in "${servers[@]}"; do printf '%12s' "${s%%=*}"; done; echo " (thousand operations per second; no python3, so no CPU time per operation)"
  for p in ${pipes//,/ }; do for t in ${tests//,/ }; do
    case $t in hset | zadd) t=$t ;; esac
    printf '%-8s' "P=$p $t"
    for s in "${servers[@]}"; do
      at=${s##*=}; at=${at%%:*}
      printf '%12s' "$(taskset -c 1 redis-benchmark -p "$at" -t "$t" -P "$p" -n 200000 -d 16 -r 1000000 --csv 2>/dev/null | awk -F'","' 'END{printf "%.0f", $2/1000}')"
    done; echo
  done; done
fi
