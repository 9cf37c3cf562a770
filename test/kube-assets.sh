#!/usr/bin/env bash
# Prints a directory with etcd, kube-apiserver, kube-controller-manager and kubectl for `make test-kube`, built once and then cached.
#
# It runs ../shared/kube/assets.sh with one correction. The Kubernetes 1.20 sources carry modern-go/reflect2 1.0.1, which calls
# reflect.mapiterinit as Go before 1.18 had it; built with Debian 12's Go 1.19, the server iterates maps through a garbage pointer
# and dies with "fatal error: fault" as soon as a custom resource with nested maps is created. Debian packages reflect2 1.0.2, which
# knows the newer signature: it takes the place of the vendored copy before the build.
set -euo pipefail
script=$(cd "$(dirname "$0")/../.." && pwd)/shared/kube/assets.sh
[ -f "$script" ] || { echo "kube-assets: $script is not there" >&2; exit 1; }
export KUBE_ASSETS_DIR=${KUBE_ASSETS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/shoal-kube-assets-1.20.2}
for b in etcd kube-apiserver kube-controller-manager kubectl; do [ -x "$KUBE_ASSETS_DIR/$b" ] || missing=1; done
[ -n "${missing:-}" ] || { echo "$KUBE_ASSETS_DIR"; exit 0; }

corrected=$(mktemp); trap 'rm -f "$corrected"' EXIT
awk '/^export GOPATH=/ {
  print "DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends golang-github-modern-go-reflect2-dev >>\"$work/apt.log\" 2>&1"
  print "rm -rf vendor/github.com/modern-go/reflect2 && cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/reflect2"
} { print }' "$script" >"$corrected"
grep -q modern-go/reflect2 "$corrected" || { echo "kube-assets: $script has changed, the correction no longer fits" >&2; exit 1; }
bash "$corrected"
