#!/bin/sh
# Runs every check: format, lints, tests, documentation. Installs what is missing where it can and says what it cannot.
#
#   sh tests/run.sh
#   LAGGARD_TEST_SERVERS=require sh tests/run.sh    fails where it otherwise skips tests for want of a PostgreSQL server
set -eu
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }
missing() {
    printf 'missing: %s\n' "$*" >&2
    exit 1
}

command -v cargo >/dev/null || missing "cargo; install Rust from https://rustup.rs"
for component in rustfmt clippy; do
    cargo "$(echo $component | sed 's/rustfmt/fmt/')" --version >/dev/null 2>&1 || rustup component add "$component" || missing "$component; rustup component add $component"
done
if ! command -v cc >/dev/null; then
    # The decoders of zstd and xz are C.
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -q && apt-get install -qy --no-install-recommends gcc libc6-dev
    else
        missing "a C compiler for the zstd and xz decoders; install gcc, or build with --no-default-features"
    fi
fi

say "format"
cargo fmt --check

say "lints, warnings denied"
cargo clippy --locked --all-targets -- -D warnings

say "pure Rust build, without the decoders in C"
cargo check --locked --no-default-features

say "servers that the tests start"
sh tests/servers.sh || [ "${LAGGARD_TEST_SERVERS:-}" != require ] || missing "servers, named above, that LAGGARD_TEST_SERVERS=require asks for"

say "tests; they also hold generated text (schema, README) to the code"
cargo test --locked

say "fuzz targets compile"
# In the same folder, so that dependencies are not checked twice.
CARGO_TARGET_DIR=target cargo check --manifest-path fuzz/Cargo.toml

say "documentation, warnings denied"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

say "all checks passed"
