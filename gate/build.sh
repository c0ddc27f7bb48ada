#!/usr/bin/env bash
# Builds the gate's module, target/libbolina_gate.so, or tests it. Without a Rust compiler it says so and that the gate
# is off; everything else of Bolina is built all the same.
#
#   build.sh          build
#   build.sh test     unit tests, formatting, lints
#   build.sh fuzz [N] N (1,000,000) fuzzed packets through the parser and the decision, with the address sanitizer
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

least=1.77
export PATH="$PATH:$HOME/.cargo/bin"
# So that the module holds no path of the machine that built it.
export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$HOME=~"
# What others have written is compiled once for all checkouts.
cache=${BOLINA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bolina}/gate-build
mkdir -p target
# The unwinder is linked in: Envoy's distroless image has no libgcc_s.so.
mkdir -p "$cache/link"
echo 'INPUT(-lgcc_eh -lgcc)' >"$cache/link/libgcc_s.so"
RUSTFLAGS="$RUSTFLAGS -L native=$cache/link"

say() { printf '[gate] %s\n' "$*" >&2; }

off() {
  say "the gate is OFF: $*"
  say "everything else works without it; Envoys let every packet pass. With Rust $least or newer (by rustup, or your"
  say "distribution's cargo) run gate/build.sh again."
  exit 0
}

command -v cargo >/dev/null || off "there is no Rust compiler (cargo) here."
version=$(rustc --version | cut -d' ' -f2)
[ "$(printf '%s\n%s\n' "$least" "$version" | sort -V | head -n 1)" = "$least" ] || off "Rust $version is too old."
CARGO_TARGET_DIR=$cache cargo fetch --locked --quiet || off "its libraries cannot be fetched (see above)."

release() {
  local started=$SECONDS
  # Another checkout that builds at the same time would leave its module in this one's place.
  (
    flock 9
    CARGO_TARGET_DIR=$cache cargo build --release --locked --quiet
    cp "$cache/release/libbolina_gate.so" target/libbolina_gate.so.new
  ) 9>"$cache/lock"
  # Put in place in one step: an Envoy may have the old one open.
  mv target/libbolina_gate.so.new target/libbolina_gate.so
  (( SECONDS - started < 2 )) || say "built target/libbolina_gate.so in $((SECONDS - started)) s"
}

unit_tests() {
  local fix=""
  if cargo fmt --version >/dev/null 2>&1; then
    [ -n "${CI:-}" ] && fix=--check
    cargo fmt $fix || { say "the format is not rustfmt's; run 'cargo fmt' in gate/"; exit 1; }
  fi
  if cargo clippy --version >/dev/null 2>&1; then
    CARGO_TARGET_DIR=$cache cargo clippy --release --locked --quiet --all-targets -- -D warnings
  fi
  CARGO_TARGET_DIR=$cache cargo test --release --locked --quiet
}

fuzz() {
  local runs=$1 host
  command -v c++ >/dev/null || { say "fuzzing needs a C++ compiler, for libFuzzer (Debian: apt-get install g++)"; exit 1; }
  host=$(rustc -vV | sed -n 's/^host: //p')
  # A stable compiler has the sanitizers too, once it is allowed to use unstable flags.
  export RUSTC_BOOTSTRAP=1
  export RUSTFLAGS="$RUSTFLAGS -Zsanitizer=address -Cdebug-assertions -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
  local started=$SECONDS
  (cd fuzz && CARGO_TARGET_DIR=$cache/fuzz cargo build --release --locked --quiet --target "$host")
  say "built the fuzz targets in $((SECONDS - started)) s"
  fuzz_one packets "$runs" 2048
  fuzz_one rules $((runs / 20)) 1024
}

fuzz_one() {
  local name=$1 runs=$2 longest=$3
  local log=target/fuzz-$name.log seeds
  seeds=$(printf '%s,' fuzz/seeds/"$name"/*)
  if ! "$cache/fuzz/$host/release/$name" -runs="$runs" -max_len="$longest" -rss_limit_mb=512 -timeout=5 -print_final_stats=1 \
      -artifact_prefix=target/ -seed_inputs="${seeds%,}" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    say "fuzzing $name found a fault; the whole log is gate/$log, the input gate/target/crash-*"
    exit 1
  fi
  say "fuzzed $name with the address sanitizer: $(grep -oE '^stat::number_of_executed_units: *[0-9]+' "$log" | grep -oE '[0-9]+') runs, $(
    grep -oE '^stat::peak_rss_mb: *[0-9]+' "$log" | grep -oE '[0-9]+') MB at most, $(grep -oE 'cov: [0-9]+' "$log" | tail -n 1)"
}

case "${1:-build}" in
  build) release ;;
  test) unit_tests ;;
  fuzz) fuzz "${2:-1000000}" ;;
  *) say "usage: build.sh [build|test|fuzz [N]]"; exit 2 ;;
esac
