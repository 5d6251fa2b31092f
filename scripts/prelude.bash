# Sourced by every command here: goes to the checkout's root, keeps caches inside it, and finds Python.
# No command of its own. Caches and temporary files stay in .cache/, so nothing is left in HOME.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export PIP_CACHE_DIR="$PWD/.cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1
export npm_config_cache="$PWD/.cache/npm" npm_config_update_notifier=false
export MPLCONFIGDIR="$PWD/.cache/matplotlib" SOLCX_BINARY_PATH="$PWD/.cache/solcx"
export RUSTUP_HOME="$PWD/.cache/rustup"  # pip asks `rustc` for its version; where rustup answers, it makes a folder
export HYPOTHESIS_STORAGE_DIRECTORY="$PWD/.cache/hypothesis"
export ETH_HASH_BACKEND="${ETH_HASH_BACKEND:-pysha3}"

# Prints the first interpreter that is new enough; the ones the lock was tried on come first.
find_python() {
  local name
  for name in ${CONSENTRY_PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  echo "setup: Python does not match (got $(python3 --version 2>/dev/null || echo none), expected 3.11 or newer)" >&2
  return 1
}

# bootstrap run|test|lint|prove|fuzz: everything that part needs, installed from the locks unless it is there already.
bootstrap() {
  local python
  python="$(find_python)"
  "$python" -I scripts/bootstrap.py "$@"
}
