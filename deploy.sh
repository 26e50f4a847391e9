#!/usr/bin/env bash
#
# The only way to production. Each function becomes a Cloud Run service of its own, from a bundle that holds that
# function and nothing it does not need. What it does is told here; how each step is done, in ops/deploy/.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
((BASH_VERSINFO[0] >= 4)) || { echo "deploy.sh: bash 4 or newer is needed, this is $BASH_VERSION" >&2; exit 1; }

# shellcheck source=ops/deploy/commands.sh
source ops/deploy/commands.sh
# shellcheck source=ops/deploy/settings.sh
source ops/deploy/settings.sh
# shellcheck source=ops/deploy/database.sh
source ops/deploy/database.sh
# shellcheck source=ops/deploy/bundle.sh
source ops/deploy/bundle.sh
# shellcheck source=ops/deploy/service.sh
source ops/deploy/service.sh
# shellcheck source=ops/deploy/revision.sh
source ops/deploy/revision.sh
# shellcheck source=ops/deploy/warm.sh
source ops/deploy/warm.sh
# shellcheck source=ops/deploy/storefront.sh
source ops/deploy/storefront.sh
# shellcheck source=ops/deploy/monitoring.sh
source ops/deploy/monitoring.sh

usage() {
  cat <<'USAGE'
Usage: ./deploy.sh [OPTION...] COMMAND

  migrate             bring the database to the schema in sql/
  FUNCTION...         deploy one or several: get_active_popups track_view track_conversion manage_popups stats
  all                 deploy all five, then the storefront script where BUCKET is set
  storefront          upload the storefront script, minified, under a name that tells its content
  monitoring          create or update the log metrics, the dashboard, the alerts and the uptime checks (ops/monitoring/)
  warm                ask for every shop's popups once, which fills the cache
  rollback FUNCTION   give the traffic back to the revision that had it before; once more takes that back

Options, before the command or behind it:

  --dry-run           print every command instead of running it
  --config FILE       read the settings from FILE; deploy.env otherwise (deploy.env.example says what it may hold)

A deployment applies pending migrations first and deploys nothing if one fails. A new revision gets no traffic until
its /_ready answers. What has not changed is not deployed again. What everybody may call gets an uptime check.
USAGE
}

main() {
  local config=deploy.env words=()
  while (($#)); do
    case $1 in
      -h | --help) usage; return ;;
      --dry-run) DRY_RUN=yes ;;
      --config) config=${2:?"--config needs the name of a file"}; shift ;;
      -*) fail "there is no option $1; --help lists those there are" ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  ((${#words[@]})) || { usage >&2; return 2; }
  set -- "${words[@]}"

  check_words "$@"
  check_programs
  read_settings "$config"
  case $1 in
    migrate) migrate ;;
    all) deploy "${FUNCTIONS[@]}"; [[ -z ${VALUE[BUCKET]} ]] || upload_storefront ;;
    storefront) upload_storefront ;;
    monitoring) apply_monitoring ;;
    warm) warm ;;
    rollback) roll_back "$2" ;;
    *) deploy "$@" ;;
  esac
}

check_words() { # the command and what follows it: so that nothing is begun that cannot be ended
  local word
  case $1 in
    migrate | all | storefront | monitoring | warm) (($# == 1)) || fail "$1 stands alone, but $2 follows it" ;;
    rollback) (($# == 2)) || fail "rollback needs one function"; check_function "$2" ;;
    *) for word in "$@"; do check_function "$word"; done ;;
  esac
}

deploy() { # FUNCTION...: all of them, or none where the database is not ready for them
  local function
  check_environment "$@"
  check_connections
  migrate
  for function in "$@"; do deploy_function "$function"; done
  print_urls "$@"
  for function in "$@"; do apply_uptime_check "$function"; done
}

main "$@"
