# Sourced by the scripts beside it: the Python environments of this checkout, and what they need of the distribution.
# PYTHON names another interpreter than python3.

PYTHON=${PYTHON:-python3}
# What calls the API today, as published: each has its requirements and its pins in tests/live, and an environment .venv-NAME.
CALLERS=(callers agent dashboard)

# What installs this package, which writes among its sources: one at a time.
ALONE=(flock tools/environment.sh)

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

# environment FOLDER PINS ARGUMENT…: a virtual environment in which "pip install ARGUMENT…" has been done with the versions in
# the file PINS. It is made again when they, or what this package needs, have changed, or when the checkout was moved.
environment() {
    local folder=$1 pins=$2 wanted
    local alone=()
    shift 2
    wanted=$({ "$PYTHON" -VV; pwd; printf '%s\n' "$@"; cat "$pins" ./*requirements.txt tests/*/*.txt setup.cfg; } | sha256sum)
    if [ "$(cat "$folder/.made-of" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
        install python3-venv
    fi
    say "making $folder"
    "$PYTHON" -m venv --clear "$folder"
    case " $* " in *' -e '*) alone=("${ALONE[@]}") ;; esac
    "${alone[@]}" "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -c "$pins" "$@"
    echo "$wanted" >"$folder/.made-of"
}
