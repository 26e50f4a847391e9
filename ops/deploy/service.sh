# shellcheck shell=bash
# What a function's service is made of: its size, its environment and secrets, and the account it acts as.

set_deploy_flags() { # FUNCTION: sets DEPLOY_FLAGS
  local function=$1 probe=httpGet.path=/_health
  DEPLOY_FLAGS=(
    "--function=$function" --base-image=python313 "--set-build-env-vars=$BUILD_ENVIRONMENT"
    --memory=512Mi --cpu=1 --cpu-boost --timeout=300s
    "--min=$(value_for "$function" MIN_INSTANCES)" "--max-instances=$(value_for "$function" MAX_INSTANCES)"
    "--concurrency=$(value_for "$function" CONCURRENCY)"
    "--startup-probe=$probe,periodSeconds=1,timeoutSeconds=1,failureThreshold=60"
    "--liveness-probe=$probe,periodSeconds=10,timeoutSeconds=5,failureThreshold=3"
    "--service-account=$(account_of "$function")"
    "--set-env-vars=^|^$(join '|' "$(function_variables "$function")")"
  )
  if [[ $(value_for "$function" CPU_THROTTLING) == true ]]; then
    DEPLOY_FLAGS+=(--cpu-throttling)
  else
    DEPLOY_FLAGS+=(--no-cpu-throttling)
  fi
  add_flag --set-secrets "$(join , "$(function_secrets)")" --clear-secrets
  add_flag --set-cloudsql-instances "$(cloud_sql_instances)" --clear-cloudsql-instances
  if [[ ${VALUE[NETWORK]} ]]; then
    DEPLOY_FLAGS+=("--network=${VALUE[NETWORK]}" --vpc-egress=private-ranges-only)
    [[ -z ${VALUE[SUBNET]} ]] || DEPLOY_FLAGS+=("--subnet=${VALUE[SUBNET]}")
  else
    DEPLOY_FLAGS+=(--clear-network)
  fi
}

add_flag() { # FLAG VALUE OTHERWISE: a setting that was taken away is taken away there, too
  if [[ $2 ]]; then DEPLOY_FLAGS+=("$1=$2"); else DEPLOY_FLAGS+=("$3"); fi
}

join() { # SEPARATOR LINES
  local text=$2
  printf '%s' "${text//$'\n'/$1}"
}

function_variables() { # FUNCTION: NAME=value lines, without secrets
  local function=$1 name
  # functions-framework's threads under Flask; under ASGI nobody reads it.
  printf 'THREADS=%s\n' "$(value_for "$function" CONCURRENCY)"
  printf 'DB_POOL_MAX=%s\n' "$(value_for "$function" DB_POOL_MAX)"
  printf 'GOOGLE_CLOUD_PROJECT=%s\n' "${VALUE[PROJECT]}"
  for name in DB_POOL_MIN DB_IDLE_TIMEOUT DB_CONNECTION_TIMEOUT DB_STATEMENT_TIMEOUT CACHE_TTL_POPUPS CACHE_TTL_STATS \
    RATE_LIMIT_VIEWS RATE_LIMIT_CONVERSIONS RATE_LIMIT_STATS RATE_LIMIT_DEFAULT TRUSTED_PROXIES CONSOLE_ORIGINS \
    LOG_LEVEL REPLICA_INSTANCE_CONNECTION_NAME; do
    print_given "$name" "${VALUE[$name]}"
  done
  [[ -z ${VALUE[DATABASE_URL_SECRET]} ]] || return 0
  for name in INSTANCE_CONNECTION_NAME DB_NAME DB_IP_TYPE DB_IAM_AUTH; do print_given "$name" "${VALUE[$name]}"; done
  print_given DB_USER "$(database_user "$function")"
}

print_given() { # NAME VALUE
  [[ -z $2 ]] || printf '%s=%s\n' "$1" "$2"
}

database_user() { # FUNCTION: with IAM, Postgres knows the service account, by its address without the last part
  local account
  account=$(account_of "$1")
  [[ ${VALUE[DB_IAM_AUTH]} == true ]] || account=${VALUE[DB_USER]}
  printf '%s' "${account%.gserviceaccount.com}"
}

function_secrets() { # VARIABLE=NAME:VERSION lines
  print_given REDIS_URL "${VALUE[REDIS_URL_SECRET]}"
  print_given DATABASE_REPLICA_URL "${VALUE[DATABASE_REPLICA_URL_SECRET]}"
  if [[ ${VALUE[DATABASE_URL_SECRET]} ]]; then
    print_given DATABASE_URL "${VALUE[DATABASE_URL_SECRET]}"
  else
    print_given DB_PASSWORD "${VALUE[DB_PASSWORD_SECRET]}"
  fi
}

cloud_sql_instances() { # separated by commas
  local primary=${VALUE[INSTANCE_CONNECTION_NAME]} replica=${VALUE[REPLICA_INSTANCE_CONNECTION_NAME]}
  printf '%s' "$primary${primary:+${replica:+,}}$replica"
}

check_environment() { # FUNCTION...: what the functions themselves would say of their settings, before it is too late
  local function
  for function in "$@"; do
    function_variables "$function"
    function_secrets | cut -d= -f1
    echo
  done | "$PYTHON" ops/deploy/check_environment.py || fail "the functions would refuse these settings"
}

account_of() { # FUNCTION: the address of its own service account
  local name
  name=${VALUE[SERVICE_ACCOUNT_${1^^}]}
  printf '%s@%s.iam.gserviceaccount.com' "${name:-$(service_of "$1")}" "${VALUE[PROJECT]}"
}

prepare_account() { # FUNCTION: there, and allowed what the function needs and nothing else
  local account name role roles=()
  account=$(account_of "$1")
  if [[ -z $(ask '' gcloud iam service-accounts list "--filter=email=$account" '--format=value(email)' "${IN_PROJECT[@]}") ]]; then
    run gcloud iam service-accounts create "${account%%@*}" "--display-name=$1" "${IN_PROJECT[@]}"
  fi
  [[ -z $(cloud_sql_instances) ]] || roles=(roles/cloudsql.client)
  [[ ${VALUE[DB_IAM_AUTH]} == false ]] || roles+=(roles/cloudsql.instanceUser)
  for role in ${roles[@]+"${roles[@]}"}; do
    run gcloud projects add-iam-policy-binding "${VALUE[PROJECT]}" "--member=serviceAccount:$account" "--role=$role" \
      --condition=None --quiet
  done
  while IFS='=:' read -r _ name _; do
    run gcloud secrets add-iam-policy-binding "$name" "--member=serviceAccount:$account" \
      --role=roles/secretmanager.secretAccessor "${IN_PROJECT[@]}"
  done < <(function_secrets)
}
