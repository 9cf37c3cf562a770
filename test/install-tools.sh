#!/usr/bin/env bash
# Installs what the optional tests use: redis-server and redis-tools, kubectl, redis-py (Debian packages, needs root), and ioredis,
# node-redis and s3rver (npm) into ${SHOAL_CLIENTS:-~/.cache/shoal-clients}. Safe to run again.
set -uo pipefail
bad=0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  need=()
  command -v redis-cli >/dev/null && command -v redis-server >/dev/null || need+=(redis-server redis-tools)
  command -v kubectl >/dev/null || need+=(kubernetes-client)
  /usr/bin/python3 -c 'import redis.cluster' 2>/dev/null || need+=(python3-redis)
  if [ ${#need[@]} -gt 0 ]; then
    { apt-get update -q; DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${need[@]}"; } >/tmp/shoal-tools.log 2>&1 || { tail -5 /tmp/shoal-tools.log >&2; bad=1; }
  fi
fi
d=${SHOAL_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/shoal-clients}
if command -v npm >/dev/null && ! { [ -d "$d/node_modules/ioredis" ] && [ -d "$d/node_modules/redis" ] && [ -d "$d/node_modules/s3rver" ]; }; then
  mkdir -p "$d"; (cd "$d" && [ -f package.json ] || echo '{"private":true}' >"$d/package.json"; cd "$d" && npm install --silent --no-audit --no-fund ioredis@5 redis@4 s3rver@3) >/tmp/shoal-npm.log 2>&1 || { tail -5 /tmp/shoal-npm.log >&2; bad=1; }
fi
exit $bad
