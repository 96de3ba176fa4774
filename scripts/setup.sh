#!/usr/bin/env bash
# Prepare .venv and the machine's own tools for one purpose.
#
#   scripts/setup.sh demo    the virtual board, the twin, data and plots
#   scripts/setup.sh lint    ruff and mypy, with what they read
#   scripts/setup.sh test    everything
#
# Missing Debian packages are installed where the user may (root, or sudo without
# a password); otherwise one line says the command to run. A second call finds
# its stamp in .venv and does nothing.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
cd "$(dirname "$0")/.."

purpose=${1:-}
case $purpose in
    demo) extras=twin,data,plot,virtual tools="g++ make perl" ;;
    lint) extras=all tools="" ;;
    test) extras=all tools="g++ make perl iverilog" ;;
    *) echo "setup: '$purpose' is not a purpose; expected demo, lint or test" >&2; exit 2 ;;
esac

say() { echo "setup: $*" >&2; }
refuse() { say "$@"; exit 8; }

# install PACKAGE...: with apt-get, or say what to type.
install() {
    command -v apt-get >/dev/null || refuse "missing $*; install with your system's package manager"
    local command="apt-get install -y --no-install-recommends $*" prefix=
    if [ "$(id -u)" -ne 0 ]; then
        prefix="sudo -n"
        if ! $prefix true 2>/dev/null; then
            refuse "missing $*; run: sudo apt-get update && sudo $command"
        fi
    fi
    say "installing $* with apt-get"
    # shellcheck disable=SC2086  # words on purpose
    if ! { $prefix env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
           $prefix env DEBIAN_FRONTEND=noninteractive $command -qq >/dev/null; }; then
        refuse "apt-get could not install $*; run: apt-get update && $command"
    fi
}

# python_suits COMMAND: is it Python 3.11 or later?
python_suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if python_suits "$candidate"; then echo "$candidate"; return; fi
    done
    return 1
}

missing=()
for tool in $tools; do
    command -v "$tool" >/dev/null || missing+=("$tool")  # Debian's packages have the tools' names
done
if ! command -v python3 >/dev/null && [ -z "${PYTHON:-}" ]; then
    missing+=(python3 python3-venv)
    [ "$extras" != all ] || missing+=(libpython3-dev)
elif python=$(find_python) && ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
fi
[ ${#missing[@]} -eq 0 ] || install "${missing[@]}"

# One environment serves all; the stamp says for what and from which inputs it was made.
inputs=$( { pwd; cat pyproject.toml scripts/setup.sh; } | sha256sum | cut -d' ' -f1)
stamp=.venv/setup-$extras
for made in "$stamp" .venv/setup-all; do
    if [ "$(cat "$made" 2>/dev/null)" = "$inputs" ] && .venv/bin/python -c '' 2>/dev/null; then
        exit 0
    fi
done

if ! .venv/bin/python -m pip --version >/dev/null 2>&1 || ! python_suits .venv/bin/python; then
    python=$(find_python) || refuse "Python 3.11 or later not found; install it, or set PYTHON to it"
    say "creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

say "installing crosswall[$extras] into .venv"
python=.venv/bin/python
# uv is several times faster, but reads none of pip's configuration: where that
# names another index, pip alone knows the way.
if ! $python -m pip config list | grep -q "[.]index-url=" &&
   $python -m pip install --quiet uv &&
   $python -m uv pip install --quiet --python $python --editable ".[$extras]"; then
    :
else
    $python -m pip install --quiet --editable ".[$extras]"
fi

# cocotb starts Python inside the simulator, from the shared library.
if [ "$extras" = all ] && [ -z "$($python -m find_libpython)" ]; then
    install "$($python -c 'import sys; print("libpython%d.%d" % sys.version_info[:2])')"
fi

echo "$inputs" >"$stamp"
