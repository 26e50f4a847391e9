#!/bin/sh
#
# The only way to production: finds the Python that `make setup` has made and starts ops/deploy with it, which does the
# rest. Plain POSIX sh, so that macOS's old bash will do.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")"

fail() {
  echo "deploy.sh: $1" >&2
  exit 1
}

python=${PYTHON:-.venv/bin/python}
command -v "$python" >/dev/null || fail "there is no $python; make setup makes it"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$python is older than Python 3.11; name a newer one: make setup PYTHON=python3.13"

exec "$python" -m ops.deploy "$@"
