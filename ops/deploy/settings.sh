# shellcheck shell=bash
# The settings in deploy.env: which there are, what each may be, and what holds where one is not given.

FUNCTIONS=(get_active_popups track_view track_conversion manage_popups stats)

declare -A DEFAULT PATTERN ALLOWED VALUE

setting() { # NAME DEFAULT PATTERN WORDS; a default of `required` is none
  DEFAULT[$1]=$2 PATTERN[$1]=$3 ALLOWED[$1]=$4
}

whole_number='0|[1-9][0-9]{0,8}'
count='[1-9][0-9]{0,3}'
secret='[A-Za-z0-9_-]{1,255}:[1-9][0-9]*'
# An instance reads a secret when it starts: with `latest`, instances of one revision would differ.
secret_words='NAME:VERSION of a secret in Secret Manager, the version a number'
instance='[a-z][a-z0-9.:-]*:[a-z0-9-]+:[a-z][a-z0-9-]*'
service='[a-z]([a-z0-9-]{0,47}[a-z0-9])?'

setting PROJECT required '[a-z][a-z0-9.:-]{4,}[a-z0-9]' 'the id of a Google Cloud project'
setting REGION required '[a-z]+-[a-z]+[0-9]+' 'a region such as europe-west1'

setting INSTANCE_CONNECTION_NAME '' "$instance" 'project:region:instance'
setting REPLICA_INSTANCE_CONNECTION_NAME '' "$instance" 'project:region:instance'
setting DB_NAME '' '[A-Za-z0-9_-]+' 'the name of a database'
setting DB_USER '' '[A-Za-z0-9_.@-]+' 'the name of a database user'
setting DB_PASSWORD_SECRET '' "$secret" "$secret_words"
setting DB_IAM_AUTH false 'true|false' 'true or false'
setting DB_IP_TYPE public 'public|private|psc' 'public, private or psc'
setting DATABASE_URL_SECRET '' "$secret" "$secret_words"
setting DATABASE_REPLICA_URL_SECRET '' "$secret" "$secret_words"
setting MIGRATE_DB_USER '' '[A-Za-z0-9_.@-]+' 'the name of a database user'
setting MIGRATE_DB_PASSWORD_SECRET '' "$secret" "$secret_words"
setting MIGRATE_DB_IP_TYPE '' 'public|private|psc' 'public, private or psc'
setting MIGRATE_DATABASE_URL_SECRET '' "$secret" "$secret_words"
setting DB_RESERVE 10 "$whole_number" 'a number of connections'

setting REDIS_URL_SECRET '' "$secret" "$secret_words"
setting NETWORK '' '[a-z][a-z0-9/-]*' 'the name of a VPC network'
setting SUBNET '' '[a-z][a-z0-9/-]*' 'the name of a subnet of NETWORK'

# What the functions read (README, "Environment"); common/config.py has the last word on these.
for name in DB_IDLE_TIMEOUT DB_CONNECTION_TIMEOUT DB_STATEMENT_TIMEOUT CACHE_TTL_POPUPS CACHE_TTL_STATS \
  RATE_LIMIT_VIEWS RATE_LIMIT_CONVERSIONS RATE_LIMIT_STATS RATE_LIMIT_DEFAULT; do
  setting "$name" '' "$whole_number" 'a whole number'
done
setting DB_POOL_MIN 1 "$whole_number" 'a whole number'
setting TRUSTED_PROXIES 1 '[0-9]|10' 'a number from 0 to 10'
setting CONSOLE_ORIGINS '' '[^|[:space:]]+' 'origins, separated by commas without spaces'
setting LOG_LEVEL INFO 'DEBUG|INFO' 'DEBUG or INFO: metrics and alerts are made of what is logged of each request'

setting READY_SECONDS 180 "$count" 'a number of seconds'
setting BUCKET '' '[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]' 'the name of a Cloud Storage bucket, without gs://'
setting NOTIFICATION_CHANNELS '' '[A-Za-z0-9/_,-]+' 'notification channels, separated by commas'

# One value for all functions, or with the function's name behind it (MAX_INSTANCES_STATS) for one of them.
scaling() { # NAME DEFAULT PATTERN WORDS
  local function
  setting "$@"
  for function in "${FUNCTIONS[@]}"; do setting "$1_${function^^}" '' "$3" "$4"; done
}
scaling MIN_INSTANCES 0 "$whole_number" 'a number of instances'
scaling MAX_INSTANCES 10 "$count" 'a number of instances'
# The storefront functions need one connection for each flush of a batch and one for a look past the cache.
scaling DB_POOL_MAX 5 "$count" 'a number of connections'
scaling CONCURRENCY '' "$count" 'a number of requests at once, up to 1000'
scaling CPU_THROTTLING true 'true|false' 'true or false'
scaling PUBLIC true 'true|false' 'true or false'

# Content blockers know words such as popup, track and stats, also in the names of hosts.
setting SERVICE_GET_ACTIVE_POPUPS shop-content "$service" 'the name of a Cloud Run service'
setting SERVICE_TRACK_VIEW shop-notes "$service" 'the name of a Cloud Run service'
setting SERVICE_TRACK_CONVERSION shop-replies "$service" 'the name of a Cloud Run service'
setting SERVICE_MANAGE_POPUPS shop-desk "$service" 'the name of a Cloud Run service'
setting SERVICE_STATS shop-reports "$service" 'the name of a Cloud Run service'
for function in "${FUNCTIONS[@]}"; do
  # Thousands of requests wait on one event loop at no cost; a Flask function has a thread for each.
  case $function in manage_popups | stats) concurrency=20 ;; *) concurrency=250 ;; esac
  DEFAULT[CONCURRENCY_${function^^}]=$concurrency
  setting "SERVICE_ACCOUNT_${function^^}" '' '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the name of a service account, 6 to 30 characters'
done

# An edit that Redis could not be told of is told by a thread after the answer, which needs the CPU then.
DEFAULT[CPU_THROTTLING_MANAGE_POPUPS]=false

value_for() { # FUNCTION NAME: the function's own value, or that of all
  local own=$2_${1^^}
  printf '%s' "${VALUE[$own]:-${VALUE[$2]}}"
}

service_of() { printf '%s' "${VALUE[SERVICE_${1^^}]}"; } # FUNCTION

check_function() {
  [[ " ${FUNCTIONS[*]} " == *" $1 "* ]] || fail "there is no command or function $1; --help lists those there are"
}

read_settings() { # FILE
  local file=$1 line name number=0
  [[ -r $file ]] || fail "there is no $file; copy deploy.env.example and fill it in"
  for name in "${!DEFAULT[@]}"; do VALUE[$name]=${DEFAULT[$name]}; done
  while IFS= read -r line || [[ $line ]]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#.*)?$ ]] || take_setting "$line" "$file, line $number"
  done <"$file"
  for name in PROJECT REGION; do
    [[ ${VALUE[$name]} != required ]] || fail "$name is unset; allowed: ${ALLOWED[$name]}"
  done
  check_together
  # Where gcloud is to work, and that nobody is there to answer its questions.
  IN_PROJECT=("--project=${VALUE[PROJECT]}" --quiet)
  IN_REGION=("--region=${VALUE[REGION]}" "${IN_PROJECT[@]}")
}

take_setting() { # LINE WHERE
  [[ $1 =~ ^([A-Z][A-Z0-9_]*)=(.*)$ ]] || fail "$2: allowed: NAME=value"
  local name=${BASH_REMATCH[1]} text=${BASH_REMATCH[2]}
  [[ $text =~ ^\"(.*)\"$ || $text =~ ^\'(.*)\'$ ]] && text=${BASH_REMATCH[1]}
  [[ -v "DEFAULT[$name]" ]] || fail "$2: there is no setting $name; deploy.env.example lists those there are"
  [[ $text ]] || return 0
  # A password in the wrong place is not shown to whoever looks over a shoulder.
  [[ $text =~ ^(${PATTERN[$name]})$ ]] || fail "$name${SHOWN[$name]:- is ${text@Q}}; allowed: ${ALLOWED[$name]}"
  VALUE[$name]=$text
}
declare -A SHOWN
for name in "${!DEFAULT[@]}"; do [[ $name != *_SECRET ]] || SHOWN[$name]=' is not shown'; done

check_together() {
  local function name
  if [[ -z ${VALUE[DATABASE_URL_SECRET]} ]]; then
    for name in INSTANCE_CONNECTION_NAME DB_NAME; do
      [[ ${VALUE[$name]} ]] || fail "$name is unset; allowed: ${ALLOWED[$name]}, or DATABASE_URL_SECRET instead"
    done
    [[ ${VALUE[DB_IAM_AUTH]} == true || (${VALUE[DB_USER]} && ${VALUE[DB_PASSWORD_SECRET]}) ]] ||
      fail "DB_USER and DB_PASSWORD_SECRET are unset; allowed: both, or DB_IAM_AUTH=true"
    [[ $(operator_database_url) || $(first_of MIGRATE_DB_USER DB_USER) ]] ||
      fail "MIGRATE_DB_USER is unset; allowed: ${ALLOWED[MIGRATE_DB_USER]} who applies migrations," \
        "which with DB_IAM_AUTH=true is none of the functions' accounts"
  fi
  [[ ${VALUE[DB_IP_TYPE]} == public || ${VALUE[NETWORK]} ]] ||
    fail "NETWORK is unset; allowed: ${ALLOWED[NETWORK]}, with DB_IP_TYPE=${VALUE[DB_IP_TYPE]}"
  for function in "${FUNCTIONS[@]}"; do
    [[ ${VALUE[REDIS_URL_SECRET]} || $(value_for "$function" MAX_INSTANCES) == 1 ]] ||
      fail "REDIS_URL_SECRET is unset, which allows MAX_INSTANCES=1 only: cache and limits are then in memory"
  done
  for function in "${FUNCTIONS[@]}"; do
    name=${VALUE[SERVICE_ACCOUNT_${function^^}]}
    name=${name:-$(service_of "$function")}
    [[ $name =~ ^(${PATTERN[SERVICE_ACCOUNT_${function^^}]})$ ]] ||
      fail "SERVICE_ACCOUNT_${function^^} is unset and ${name@Q} will not do; allowed: ${ALLOWED[SERVICE_ACCOUNT_${function^^}]}"
  done
}
