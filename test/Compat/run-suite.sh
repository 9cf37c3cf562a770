#!/usr/bin/env bash
# The Tcl suites of Redis 7.2 and Valkey against our node. Nothing of theirs is kept here: give a checkout.
#   test/Compat/run-suite.sh SUITE_DIR [unit ...]        our binary in place of src/redis-server (all units without a name)
#   EXTERNAL=1 test/Compat/run-suite.sh SUITE_DIR ...    one running node, as --host --port
# Needs tclsh and Debian's redis-tools and redis-server (redis-cli, redis-benchmark, redis-check-aof, redis-check-rdb).
# Tests in exceptions.md are skipped. NODE names another binary than artifacts/bin/shoal-node; SKIP=0 runs the exceptions as well.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
suite=$(cd "${1:?usage: run-suite.sh SUITE_DIR [unit ...]}" && pwd)
shift
node=${NODE:-$here/../../artifacts/bin/shoal-node}
[ -x "$node" ] || { echo "$node is not there: make build, or set NODE"; exit 1; }
command -v tclsh >/dev/null || { echo "tclsh is not there (apt-get install tcl)"; exit 1; }

work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" || true; fi; rm -rf "$work"' EXIT
cp -r "$suite/tests" "$suite/runtest" "$work/"
mkdir -p "$work/src" "$work/tests/tmp"
for name in redis valkey; do
    ln -s "$(realpath "$node")" "$work/src/$name-server"
    for tool in cli benchmark check-aof check-rdb; do
        path=$(command -v "redis-$tool") && ln -s "$path" "$work/src/$name-$tool"
    done
done

options=(--durable --clients "${CLIENTS:-1}" --tags "-large-memory -needs:other-server" --baseport "${BASEPORT:-21111}")
if [ "${SKIP:-1}" = 1 ]; then
    sed -n 's/^- `\(.*\)`: .*/\1/p' "$here/exceptions.md" > "$work/skip"
    options+=(--skipfile "$work/skip")
    while read -r unit; do options+=(--skipunit "$unit"); done < <(sed -n 's/^- unit `\(.*\)`: .*/\1/p' "$here/exceptions.md")
fi
for unit in "$@"; do options+=(--single "$unit"); done
if [ "${EXTERNAL:-0}" = 1 ]; then
    port=${PORT:-21100}
    "$node" --port "$port" --dir "$work" --save "" --enable-debug-command yes --notify-keyspace-events KEA > "$work/node.log" &
    server=$!
    until redis-cli -p "$port" ping > /dev/null 2>&1; do kill -0 "$server"; done
    options+=(--host 127.0.0.1 --port "$port")
fi
cd "$work"
./runtest "${options[@]}"
