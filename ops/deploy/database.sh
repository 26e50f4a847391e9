# shellcheck shell=bash
# What a deployment asks of the database before anything is deployed: room for its connections, and its schema.

migrate() {
  say "migrating"
  on_database "$POPUPS" migrate || fail "a migration failed; nothing was deployed"
}

# Counted for all five functions, whichever are deployed now: they share the database.
check_connections() {
  local function wanted=0 limit
  for function in "${FUNCTIONS[@]}"; do
    wanted=$((wanted + $(value_for "$function" MAX_INSTANCES) * $(value_for "$function" DB_POOL_MAX)))
  done
  [[ ! $DRY_RUN ]] || { on_database "$PYTHON" ops/deploy/max_connections.py; return; }
  limit=$(on_database "$PYTHON" ops/deploy/max_connections.py) || fail "the database did not tell its max_connections"
  ((wanted <= limit - VALUE[DB_RESERVE])) ||
    fail "MAX_INSTANCES x DB_POOL_MAX comes to $wanted connections for the five functions; the database has $limit" \
      "and keeps ${VALUE[DB_RESERVE]} (DB_RESERVE) for others. Lower one, or give the database more"
}

# In a subshell, whose environment holds the secrets: nobody sees them in a list of processes, and nothing keeps them.
on_database() { # COMMAND...: with the environment that leads it to the production database
  if [[ $DRY_RUN ]]; then
    local name
    while read -r name; do run gcloud secrets versions access "${name#*:}" "--secret=${name%:*}" "${IN_PROJECT[@]}"; done \
      < <(operator_secrets | cut -d= -f2)
    print_command "$@"
    return
  fi
  (
    export_operator_settings
    "$@"
  )
}

export_operator_settings() {
  local line secret_value
  unset DATABASE_URL INSTANCE_CONNECTION_NAME REDIS_URL
  while IFS= read -r line; do export "${line?}"; done < <(operator_variables)
  while IFS= read -r line; do
    secret_value=$(secret "${line#*=}") || fail "the secret ${line#*=} cannot be read"
    export "${line%%=*}=$secret_value"
  done < <(operator_secrets)
}

operator_variables() { # NAME=value lines; who migrates may be another user, and elsewhere
  local iam=${VALUE[DB_IAM_AUTH]}
  [[ $(operator_database_url) ]] && return
  # A password of its own says that this user signs in with it, however the functions do.
  [[ -z ${VALUE[MIGRATE_DB_PASSWORD_SECRET]} ]] || iam=false
  printf '%s\n' "INSTANCE_CONNECTION_NAME=${VALUE[INSTANCE_CONNECTION_NAME]}" "DB_NAME=${VALUE[DB_NAME]}" \
    "DB_IP_TYPE=$(first_of MIGRATE_DB_IP_TYPE DB_IP_TYPE)" "DB_USER=$(first_of MIGRATE_DB_USER DB_USER)" \
    "DB_IAM_AUTH=$iam"
}

operator_secrets() { # VARIABLE=NAME:VERSION lines
  local url password
  url=$(operator_database_url) password=$(first_of MIGRATE_DB_PASSWORD_SECRET DB_PASSWORD_SECRET)
  if [[ $url ]]; then printf 'DATABASE_URL=%s\n' "$url"; elif [[ $password ]]; then printf 'DB_PASSWORD=%s\n' "$password"; fi
}

operator_database_url() { first_of MIGRATE_DATABASE_URL_SECRET DATABASE_URL_SECRET; }

first_of() { # NAME...: the first of these settings that has a value
  local name
  for name in "$@"; do [[ -z ${VALUE[$name]} ]] || { printf '%s' "${VALUE[$name]}"; return; }; done
}

secret() { # NAME:VERSION
  gcloud secrets versions access "${1#*:}" "--secret=${1%:*}" "${IN_PROJECT[@]}"
}
