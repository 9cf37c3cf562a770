#!/usr/bin/env bash
# Runs the test projects and ends with one line `N passed, N failed[, N skipped]`, summed over all of them.
#   test/run-tests.sh              everything that needs only the .NET SDK
#   test/run-tests.sh --kube       the operator suite against KUBEBUILDER_ASSETS or KUBECONFIG
#   test/run-tests.sh NAME ...     the named projects only
set -uo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 SHOAL_BIN="${SHOAL_BIN:-$PWD/artifacts/bin}"
PATH=$PATH:${SHOAL_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/shoal-clients}/node_modules/.bin   # s3rver, where test/install-tools.sh put it
all=(Integration Store.Tests Server.Tests Sandbox.Tests Conformance Protocol.Tests Lua.Tests Architecture.Tests Operator.Tests)   # the two with whole clusters apart
filter=()
if [ "${1:-}" = --kube ]; then
  shift; all=(Sandbox.Tests Operator.Tests); filter=(--filter "Suite=Kube")
  [ -n "${KUBEBUILDER_ASSETS:-}${KUBECONFIG:-}" ] || { echo "test-kube: set KUBEBUILDER_ASSETS or KUBECONFIG" >&2; exit 2; }
else
  unset KUBEBUILDER_ASSETS KUBECONFIG   # the plain run needs nothing but the SDK
fi
[ $# -gt 0 ] && all=("$@")

dotnet build Shoal.slnx -c Release -v quiet -nologo -clp:NoSummary || { echo "0 passed, 1 failed"; exit 1; }

# Two projects at a time: the long ones mostly wait for clusters to settle, and tests must hold on a busy machine anyway.
logs=$(mktemp -d); trap 'rm -rf "$logs"' EXIT
run_one() {   # project, log directory, filter words
  local p=$1 dir=$2 code=0; shift 2
  dotnet test "test/$p/$p.csproj" -c Release --no-build --nologo --logger "console;verbosity=minimal" --blame-hang-timeout 15m "$@" >"$dir/$p.log" 2>&1 || code=$?
  echo "$code" >"$dir/$p.code"
  echo "== $p"; grep -v -e '^\s*$' -e '^Test run for' -e '^A total of' "$dir/$p.log"
}
export -f run_one
printf '%s\n' "${all[@]}" | xargs -P "${SHOAL_TEST_LANES:-2}" -I{} bash -c 'run_one "$@"' _ {} "$logs" "${filter[@]}"

passed=0 failed=0 skipped=0
for p in "${all[@]}"; do
  read -r f ok s < <(sed -n 's/^.*- Failed: *\([0-9]*\), Passed: *\([0-9]*\), Skipped: *\([0-9]*\).*/\1 \2 \3/p' "$logs/$p.log" | awk '{f+=$1; o+=$2; s+=$3} END{print f+0, o+0, s+0}')
  if [ "$(cat "$logs/$p.code" 2>/dev/null || echo 1)" != 0 ] && [ "$f" -eq 0 ]; then f=1; echo "$p: the run itself failed"; fi
  passed=$((passed + ok)); failed=$((failed + f)); skipped=$((skipped + s))
done
line="$passed passed, $failed failed"; [ "$skipped" -gt 0 ] && line+=", $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
