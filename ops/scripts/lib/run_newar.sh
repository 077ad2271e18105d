# shellcheck shell=sh
# What the scripts beside this folder share: they find program and settings by themselves and say one line, with the time.
#
# The program: what NEWAR names, else that of a virtual environment in the project's root or beside it, else on the PATH,
# else where it is usually installed. Settings: the environment, and .env in the project's root.

PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin} # cron may give none
export PATH
name=$(basename "$0" .sh)
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)

say() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $name: $*"; }

# take_number_below LIMIT [ARGUMENT...]: accept none, or one whole number from 1 to below LIMIT.
take_number_below() {
    limit=$1
    shift
    case $#:${1-} in
    0:) return ;;
    1: | 1:0* | 1:*[!0-9]* | 1:?????*) ;;
    1:*) [ "$1" -lt "$limit" ] && return ;;
    esac
    echo "usage: $name [DAYS], where DAYS is a whole number from 1 to $((limit - 1))" >&2
    exit 2
}

find_newar() {
    if [ -n "${NEWAR-}" ]; then
        command -v "$NEWAR" && return
        say "NEWAR names $NEWAR, which is no program; give its full path" >&2
        exit 1
    fi
    home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
    for found in "$root/.venv/bin/newar" "$root/venv/bin/newar" "$root/../.venv/bin/newar" "$root/../venv/bin/newar" \
        "$(command -v newar)" /opt/newar/bin/newar /usr/local/bin/newar "$home/.local/bin/newar"; do
        if [ -n "$found" ] && [ -x "$found" ]; then
            echo "$found"
            return
        fi
    done
    say "there is no newar in $root/.venv, in /opt/newar or on the PATH; set NEWAR to its full path" >&2
    exit 1
}

# run_newar ARGUMENT...: run it in the project's root; what it says becomes one line. Exits as it does.
run_newar() {
    newar=$(find_newar)
    cd "$root" || exit
    code=0
    said=$("$newar" "$@" 2>&1 </dev/null) || code=$?
    said=$(printf '%s\n' "$said" | awk 'NR > 1 { printf "; " } { printf "%s", $0 }')
    if [ "$code" -eq 0 ]; then
        say "$said"
    else
        say "failed with exit code $code: ${said:-nothing was said}" >&2
    fi
    exit "$code"
}
