#!/bin/sh
# Times laggard against wc, grep and pgBadger on generated logs and prints a
# Markdown table of medians. It measures and never judges: no result fails it.
#
# Usage: benches/against.sh [SIZE]
#
#   SIZE   of each log: bytes, or with K, M or G as powers of 1000 [300M]
#   RUNS   rounds; in each, every command runs once [5]
#   KEEP   a directory to work in and leave behind
#
# Needs GNU time, and pgBadger for its row: as root on Debian it installs them
# if they are missing.
set -eu
export LC_ALL=C

size=${1:-300M}
runs=${RUNS:-5}
prefix='%m [%p] %q%u@%d '
slice_bytes=10000000

if [ -n "${KEEP:-}" ]; then
    mkdir -p "$KEEP"
    dir=$(cd "$KEEP" && pwd)
else
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    trap 'exit 1' HUP INT TERM
fi
rm -rf "$dir/times"
mkdir "$dir/times"
: >"$dir/stderr"

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
laggard=$target/release/laggard
generate_log=$target/release/examples/generate_log

say() {
    printf '%s\n' "against: $*" >&2
}

# require PROGRAM PACKAGE: tries to install what is missing.
require() {
    command -v "$1" >/dev/null && return
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return
    say "installing $2"
    { apt-get update && apt-get install -y --no-install-recommends "$2"; } >&2
}

# measure LOG NAME COMMAND...: adds a line "wall cpu rss status" to the times of
# NAME on LOG. Standard output goes to a file since grep stops at the first
# match when it sees /dev/null. The wall time is not GNU time's, which comes in
# hundredths of a second.
measure() {
    times=$dir/times/$1.$2
    shift 2
    status=0
    start=$(date +%s%N)
    /usr/bin/time -f '%U %S %M' -o "$dir/usage" "$@" \
        >"$dir/stdout" 2>>"$dir/stderr" || status=$?
    end=$(date +%s%N)
    # GNU time puts a remark ahead of its numbers if the command failed.
    tail -n 1 "$dir/usage" | awk -v ns=$((end - start)) -v status=$status \
        '{ print ns / 1e9, $1 + $2, $3, status }' >>"$times"
}

# median LOG NAME COLUMN
median() {
    cut -d ' ' -f "$3" "$dir/times/$1.$2" | sort -n |
        awk '{ x[NR] = $1 } END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}

# failure LOG NAME: a remark if the command has ever failed.
failure() {
    awk '$4 != 0 { status = $4 } END { if (status) print " (exit status " status ")" }' \
        "$dir/times/$1.$2"
}

# row LOG NAME LABEL: a row of the table.
row() {
    awk -v log_name="$1" -v label="$3$(failure "$1" "$2")" \
        -v bytes="$(wc -c <"$dir/$1")" -v grep_wall="$(median "$1" grep 1)" \
        -v wall="$(median "$1" "$2" 1)" -v cpu="$(median "$1" "$2" 2)" \
        -v rss="$(median "$1" "$2" 3)" 'BEGIN {
            printf "| %s | %s | %.3f | %.0f | %.2f | %.1f | %.2f |\n", log_name, label,
                wall, bytes / 1e6 / wall, cpu, rss * 1024 / 1e6, wall / grep_wall
        }'
}

# ratio A B
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f\n", a / b; else print "n/a" }'
}

require /usr/bin/time time || { say 'needs /usr/bin/time, from the package time'; exit 1; }
require pgbadger pgbadger || say 'going on without pgbadger'

cargo build --release --examples --bins >&2

logs='literals.log parameters.log literals.csv literals.json'
for log in $logs; do
    case $log in
        *.log) format=stderr ;;
        *) format=${log##*.} ;;
    esac
    "$generate_log" --bytes "$size" --style "${log%.*}" --format "$format" >"$dir/$log"
done

for log in $logs; do
    say "$log, $runs rounds"
    cat "$dir/$log" >/dev/null # Into the page cache.
    round=0
    while [ "$round" -lt "$runs" ]; do
        round=$((round + 1))
        measure "$log" wc wc -l "$dir/$log"
        measure "$log" grep grep -c duration "$dir/$log"
        measure "$log" laggard1 "$laggard" report --no-config --format json -j 1 "$dir/$log"
        measure "$log" laggard2 "$laggard" report --no-config --format json -j 2 "$dir/$log"
        measure "$log" plain1 "$laggard" report --no-findings --format json -j 1 "$dir/$log"
        measure "$log" plain2 "$laggard" report --no-findings --format json -j 2 "$dir/$log"
    done
done

# Once, and on a slice of whole lines, since the whole log would take minutes.
# Only its CPU time grows with the size: pgBadger splits no file below 16 MiB
# between its jobs, and sleeps for whole seconds while it waits for them. So the
# table leaves out its wall time.
scale=
if command -v pgbadger >/dev/null; then
    head -c "$slice_bytes" "$dir/literals.log" | sed '$d' >"$dir/slice.log"
    scale=$(awk -v whole="$(wc -c <"$dir/literals.log")" -v part="$(wc -c <"$dir/slice.log")" \
        'BEGIN { printf "%.4f", whole / part }')
    say 'pgbadger, on a slice'
    measure literals.log pgbadger \
        pgbadger -q -j 2 -p "$prefix" -x json -o "$dir/out.json" "$dir/slice.log"
    pgbadger_cpu=$(awk -v cpu="$(median literals.log pgbadger 2)" -v scale="$scale" \
        'BEGIN { print cpu * scale }')
fi

echo '| log | command | wall s | MB/s | CPU s | peak RSS MB | wall / grep -c |'
echo '|---|---|--:|--:|--:|--:|--:|'
for log in $logs; do
    row "$log" wc "\`wc -l\`"
    row "$log" grep "\`grep -c duration\`"
    row "$log" laggard1 "\`laggard report -j 1\`"
    row "$log" laggard2 "\`laggard report -j 2\`"
    row "$log" plain1 "\`laggard report --no-findings -j 1\`"
    row "$log" plain2 "\`laggard report --no-findings -j 2\`"
    [ "$log" = literals.log ] || continue
    if [ -n "$scale" ]; then
        version=$(pgbadger --version | sed 's/.* //')$(failure "$log" pgbadger)
        awk -v version="$version" -v cpu="$pgbadger_cpu" -v rss="$(median "$log" pgbadger 3)" \
            -v log_name="$log" 'BEGIN {
                printf "| %s | `pgbadger -j 2` %s, scaled from a slice | | | %.2f | %.1f | |\n",
                    log_name, version, cpu, rss * 1024 / 1e6
            }'
    else
        echo "| $log | \`pgbadger -j 2\`, not installed | | | | | |"
    fi
done
echo

for log in literals.log parameters.log; do
    echo "- laggard -j 2 takes $(ratio "$(median $log laggard2 1)" "$(median $log grep 1)")" \
        "times the wall time of grep -c on $log," \
        "$(ratio "$(median $log plain2 1)" "$(median $log grep 1)") without looking for findings."
done
if [ -n "$scale" ]; then
    echo "- pgbadger -j 2 takes $(ratio "$pgbadger_cpu" "$(median literals.log laggard2 2)")" \
        "times the CPU time of laggard -j 2," \
        "$(ratio "$pgbadger_cpu" "$(median literals.log plain2 2)") without looking for findings, scaled by $scale from a slice of $(wc -c <"$dir/slice.log") bytes."
fi
model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "- Medians of $runs rounds, logs of $size, warm page cache, $(nproc) × ${model:-$(uname -m)}."

if [ -s "$dir/stderr" ]; then
    say 'the commands wrote to standard error, which begins with:'
    head -n 5 "$dir/stderr" >&2
fi
