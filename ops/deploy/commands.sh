# shellcheck shell=bash
# How commands are run, printed in a dry run, and how the script gives up.

DRY_RUN=
POPUPS=${POPUPS:-.venv/bin/popups}
PYTHON=${PYTHON:-.venv/bin/python}
exec 3>&1 # where commands are printed, also from within a substitution

say() { printf '%s\n' "$*" >&2; }

fail() { # one line, and the end
  say "deploy.sh: $*"
  exit 1
}

check_programs() {
  local program
  for program in "$PYTHON" "$POPUPS"; do
    command -v "$program" >/dev/null || fail "there is no $program; make setup makes it"
  done
  [[ $DRY_RUN ]] || command -v gcloud >/dev/null || fail "there is no gcloud; install the Google Cloud CLI"
}

run() { # a command that changes something
  if [[ $DRY_RUN ]]; then print_command "$@"; else "$@" >&2; fi
}

ask() { # SUPPOSED COMMAND...: what a command that only reads says; in a dry run, what it is supposed to say
  local supposed=$1
  shift
  if [[ $DRY_RUN ]]; then print_command "$@"; printf '%s\n' "$supposed"; else "$@"; fi
}

print_command() {
  local line
  printf -v line ' %q' "$@"
  printf '%s\n' "${line:1}" >&3
}

WORK_FOLDER=

work_folder() { # sets WORK_FOLDER to a folder that goes with us
  [[ $WORK_FOLDER ]] && return
  WORK_FOLDER=$(mktemp -d)
  trap 'rm -rf "$WORK_FOLDER"' EXIT
}
