# Sourced by scripts/run and scripts/test, from the root of the clone: makes .venv, or brings it up to
# date when pyproject.toml, the place of the clone or the wanted extra has changed.
# PYTHON names the interpreter to make it with. GEODNS_VENV names an environment in which the project
# is installed already; it is used as it is.

VENV=${GEODNS_VENV:-.venv}

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$0: $*"
    exit 1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

# What an installation depends on; it is redone when this changes.
fingerprint() {
    printf '%s\n' "$PWD"
    cksum <pyproject.toml
}

# ensure_venv "" for running, ensure_venv dev for the checks as well.
ensure_venv() {
    local extra=$1 stamp="$VENV/.geodns-installed" log python
    if [ -n "${GEODNS_VENV:-}" ]; then
        [ -x "$VENV/bin/geodns" ] || fail "geodns is not installed in $VENV, which GEODNS_VENV names"
        return
    fi
    [ -f pyproject.toml ] || fail "pyproject.toml is missing; is $PWD a complete clone?"
    if [ -f "$stamp" ] && [ "$(tail -n +2 "$stamp")" = "$(fingerprint)" ] &&
        new_enough "$VENV/bin/python"; then
        case "$(head -n 1 "$stamp")" in "$extra" | dev) return ;; esac
    fi
    # Once the extra is there it stays, so that running after testing does not install again.
    if [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = dev ]; then extra=dev; fi
    if ! new_enough "$VENV/bin/python"; then
        python=$(find_python) ||
            fail "needs Python 3.11 or newer, and found none; install it, or name it: PYTHON=/path/to/python3 $0"
        if [ -e "$VENV" ] && [ ! -f "$VENV/pyvenv.cfg" ]; then
            fail "$VENV is there but is not a virtual environment; move it away"
        fi
        "$python" -m venv --clear "$VENV" >/dev/null 2>&1 ||
            fail "'$python -m venv' does not work; on Debian and Ubuntu: apt-get install python3-venv"
    fi
    say "Installing into $VENV (only the first time and after updates; about a minute) ..."
    log="$VENV/install.log"
    if ! "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input -e ".${extra:+[$extra]}" \
        >"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        fail "the installation failed; all of its output is in $log"
    fi
    { printf '%s\n' "$extra"; fingerprint; } >"$stamp"
}
