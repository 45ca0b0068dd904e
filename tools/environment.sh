# Sourced by the scripts beside it: the Python environments of this checkout, and what they need of the distribution.
# PYTHON names another interpreter than python3.

PYTHON=${PYTHON:-python3}
# Tests start hundreds of processes that import the same modules. Unless what they compile is kept, as it isn't in many containers,
# each of them compiles all of it anew, which takes twice as long as all else that it does.
unset PYTHONDONTWRITEBYTECODE
# What calls the API today, as published: each has its requirements and its pins in tests/live, and an environment .venv-NAME.
CALLERS=(callers agent dashboard)
# The releases of the published service whose databases are imported: requirements and pins are in tests/importing, and the
# environments are .venv-releases/RELEASE.
RELEASES=(16 17 18 19)

say() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

# install PACKAGE…: from the distribution, where that is allowed without a question; else say what is missing and fail. Nothing
# that is installed is started: on a machine that has no policy on this yet, there is one meanwhile.
install() {
    local become=()
    if [ "$(id -u)" != 0 ]; then
        become=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null || { [ "${#become[@]}" -gt 0 ] && ! sudo -n true 2>/dev/null; }; then
        say "this needs packages that only an administrator can install. On Debian: apt-get install $*"
        return 1
    fi
    say "installing $*"
    "${become[@]}" apt-get update -qq >&2
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive sh -c '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            trap "rm -f $policy" EXIT
            printf "#!/bin/sh\nexit 101\n" >$policy
            chmod +x $policy
        fi
        apt-get install -y -qq --no-install-recommends "$@"' install "$@" >&2
}

# fetch_uv: let uv do what pip does, in a tenth of the time. It comes from the index that pip asks, once for each checkout, and
# asks the same index. Where pip is told more than uv would understand, or there is no uv, pip goes on doing it.
UV=
fetch_uv() {
    local settings name value
    declare -A told=()
    if [ ! -x .venv-uv/bin/uv ]; then
        "$PYTHON" -m venv --clear .venv-uv
        .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8,<1' || return 0
    fi
    mkdir -p .venv-uv/wheels
    settings=$(.venv-uv/bin/python -m pip config list)
    while IFS='=' read -r name value; do
        value=${value#\'}
        told[${name##*.}]=${value%\'}
    done <<<"$settings"
    for name in no-index extra-index-url trusted-host proxy client-cert constraint; do
        if [ -n "${told[$name]:-}" ]; then
            return 0
        fi
    done
    export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${told[index-url]:-https://pypi.org/simple}}
    export UV_FIND_LINKS=$PWD/.venv-uv/wheels${told[find-links]:+,${told[find-links]}}
    export UV_PYTHON_DOWNLOADS=never
    if [ -z "${SSL_CERT_FILE:-}" ] && [ -n "${told[cert]:-}" ]; then
        export SSL_CERT_FILE=${told[cert]}
    fi
    UV=$PWD/.venv-uv/bin/uv
}

# What is published as source alone. pip keeps what it has built of them; uv builds them anew where the index doesn't say for how
# long its answers hold.
BUILT='^(logutils|netifaces|simplegeneric|uwsgi)=='

# test_extras: the extras that the environment of the tests has. mysqlclient is published as source alone; where there is what it takes
# to build it, tests use it, too.
test_extras() {
    local extras=mysql,postgresql,elasticsearch,memcached
    if pkg-config --exists libmariadb 2>/dev/null || pkg-config --exists mysqlclient 2>/dev/null; then
        extras+=,mysqlclient
    fi
    printf '%s\n' "$extras"
}

# install_into PYTHON ARGUMENT…: "pip install ARGUMENT…" for an interpreter.
install_into() {
    local python=$1
    shift
    if [ -n "$UV" ]; then
        "$UV" pip install --quiet --python "$python" "$@" && return
        say 'uv failed; pip does it'
    fi
    "$python" -m pip install --quiet --quiet --disable-pip-version-check "$@"
}

# install_this PYTHON ARGUMENT…: the same for what installs this package, which writes among its sources: one at a time.
install_this() {
    local lock status=0
    exec {lock}<tools/environment.sh
    flock "$lock"
    install_into "$@" || status=1
    exec {lock}<&-
    return "$status"
}

# environment FOLDER PINS ARGUMENT…: a virtual environment in which "pip install ARGUMENT…" has been done with the versions in
# the file PINS. It is made again when they, or what this package needs, have changed, or when the checkout was moved.
environment() {
    local folder=$1 pins=$2 wanted sources
    shift 2
    wanted=$({ "$PYTHON" -VV; pwd; printf '%s\n' "$@"; cat "$pins" ./*requirements.txt tests/*/*.txt setup.cfg; } | sha256sum)
    if [ "$(cat "$folder/.made-of" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
        install python3-venv
    fi
    say "making $folder"
    if [ -z "$UV" ] || ! "$UV" venv --quiet --clear --seed --python "$(command -v "$PYTHON")" "$folder"; then
        "$PYTHON" -m venv --clear "$folder"
    fi
    if [ -n "$UV" ]; then
        mapfile -t sources < <(grep -iE "$BUILT" "$pins")
        if [ "${#sources[@]}" -gt 0 ]; then
            .venv-uv/bin/python -m pip wheel --quiet --no-deps --wheel-dir .venv-uv/wheels "${sources[@]}"
        fi
    fi
    case " $* " in
        *' -e '*) install_this "$folder/bin/python" -c "$pins" "$@" ;;
        *) install_into "$folder/bin/python" -c "$pins" "$@" ;;
    esac
    echo "$wanted" >"$folder/.made-of"
}
