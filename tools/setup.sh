#!/bin/sh
# Prepares .venv: the locked dependencies, checked by hash, and Tresen itself. Quick when nothing changed.
set -eu
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

find_python() {
    for candidate in python3.11 python3.12 python3.13 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Tresen needs Python 3.11 or newer. On Debian 12: apt-get install python3" >&2
    return 1
}

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || sh tools/apt.sh python3-venv
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

# The stamps are copies of what was installed: a comparison cannot be fooled by a file's time.
if ! cmp -s requirements.lock .venv/installed.lock; then
    echo "Installing the locked dependencies (a minute or two)"
    .venv/bin/python -m pip install -qq --require-hashes -r requirements.lock
    rm -f .venv/installed.toml
    cp requirements.lock .venv/installed.lock
fi
if ! cmp -s pyproject.toml .venv/installed.toml; then
    .venv/bin/python -m pip install -qq --no-deps --no-build-isolation --editable .
    cp pyproject.toml .venv/installed.toml
fi
.venv/bin/python tools/translations.py compile
