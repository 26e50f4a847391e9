# shellcheck shell=bash
# A function's service and its revisions: how a new one comes, proves itself, gets the traffic, and gives it back.
#
# Traffic tags say what a revision is to us: `candidate` has yet to answer its /_ready, `previous` had the traffic before.
# The label `release` is the fingerprint of what was deployed, by which a second run sees that there is nothing to do.

deploy_function() { # FUNCTION
  local function=$1 service bundle release serving
  service=$(service_of "$function")
  work_folder
  bundle=$WORK_FOLDER/$function
  stage "$function" "$bundle"
  set_deploy_flags "$function"
  release=$(fingerprint "$bundle" "$service" "${DEPLOY_FLAGS[@]}" "$(access_flag "$function")")
  read_traffic "$service"
  serving=$SERVING
  if [[ $serving ]] && is_release "$serving" "$release"; then
    say "$function: nothing has changed, $serving goes on"
    return
  fi
  prepare_account "$function"
  say "$function: deploying release $release to $service"
  if [[ $SERVICE_EXISTS ]]; then
    replace_revision "$function" "$service" "$serving" --source="$bundle" --labels="release=$release"
  else
    create_service "$function" "$service" --source="$bundle" --labels="release=$release"
  fi
}

replace_revision() { # FUNCTION SERVICE SERVING FLAGS...
  local function=$1 service=$2 serving=$3 tags=
  shift 3
  run gcloud run deploy "$service" "$@" "${DEPLOY_FLAGS[@]}" "$(access_flag "$function")" --no-traffic --tag=candidate \
    "${IN_REGION[@]}" || fail "$function was not deployed; $serving goes on"
  read_traffic "$service"
  await_ready "$function" "$CANDIDATE_URL" ||
    fail "$function: $CANDIDATE does not answer /_ready and gets no traffic; $serving goes on"
  [[ -z $serving || $serving == "$CANDIDATE" ]] || tags=--set-tags=previous=$serving
  run gcloud run services update-traffic "$service" "--to-revisions=$CANDIDATE=100" ${tags:+"$tags"} "${IN_REGION[@]}"
}

create_service() { # FUNCTION SERVICE FLAGS...
  local function=$1 service=$2
  shift 2
  # A new service cannot be kept from traffic. Until it is ready it is kept from everybody but us instead.
  run gcloud run deploy "$service" "$@" "${DEPLOY_FLAGS[@]}" --no-allow-unauthenticated "${IN_REGION[@]}" ||
    fail "$function was not deployed"
  await_ready "$function" "$(service_url "$function")" private ||
    fail "$function does not answer /_ready; its service $service stays closed to the public"
  if [[ $(value_for "$function" PUBLIC) == true ]]; then
    run gcloud run services add-iam-policy-binding "$service" --member=allUsers --role=roles/run.invoker "${IN_REGION[@]}"
  fi
}

read_traffic() { # SERVICE: sets SERVICE_EXISTS, and of its revisions SERVING, PREVIOUS, CANDIDATE and CANDIDATE_URL
  local traffic percent tag revision url
  SERVING='' PREVIOUS='' CANDIDATE='' CANDIDATE_URL=''
  SERVICE_EXISTS=$(ask "$1" gcloud run services list "--filter=metadata.name=$1" '--format=value(metadata.name)' "${IN_REGION[@]}") ||
    fail "the services of ${VALUE[PROJECT]} cannot be listed"
  [[ $SERVICE_EXISTS ]] || return 0
  traffic=$(describe_traffic "$1") || fail "the service $1 cannot be read"
  while IFS=, read -r percent tag revision url; do
    [[ $percent != 100 ]] || SERVING=$revision
    case $tag in
      candidate) CANDIDATE=$revision CANDIDATE_URL=$url ;;
      previous) PREVIOUS=$revision ;;
    esac
  done <<<"$traffic"
}

describe_traffic() { # SERVICE: percent,tag,revision,url lines
  local supposed
  printf -v supposed '100,,%s\n,previous,%s\n,candidate,%s,%s' \
    "$1-SERVING" "$1-PREVIOUS" "$1-CANDIDATE" "https://candidate---$1"
  ask "$supposed" gcloud run services describe "$1" '--flatten=status.traffic[]' \
    '--format=csv[no-heading](status.traffic.percent,status.traffic.tag,status.traffic.revisionName,status.traffic.url)' \
    "${IN_REGION[@]}"
}

is_release() { # REVISION RELEASE
  local release
  release=$(ask '' gcloud run revisions describe "$1" '--format=value(metadata.labels.release)' "${IN_REGION[@]}") ||
    fail "the revision $1 cannot be read"
  [[ $release == "$2" ]]
}

service_url() { # FUNCTION
  ask "https://$(service_of "$1")" gcloud run services describe "$(service_of "$1")" '--format=value(status.url)' "${IN_REGION[@]}"
}

await_ready() { # FUNCTION URL [private]: whether /_ready says 200 within READY_SECONDS
  local function=$1 url=$2 private=${3:-} token='' deadline=$((SECONDS + VALUE[READY_SECONDS]))
  [[ $(value_for "$function" PUBLIC) == true ]] || private=private
  [[ ! $private ]] || token=$(ask TOKEN gcloud auth print-identity-token "${IN_PROJECT[@]}") || fail "there is no identity token to ask /_ready with"
  [[ ! $DRY_RUN ]] || { print_command curl --fail "$url/_ready"; return; }
  until answers_ready "$url" "$token"; do
    ((SECONDS < deadline)) || return 1
    sleep 1
  done
}

answers_ready() { # URL TOKEN: the token by a file, for anybody may read a command's arguments
  local header=/dev/null
  [[ ! $2 ]] || { header=$WORK_FOLDER/header; (umask 077; printf 'X-Serverless-Authorization: Bearer %s\n' "$2" >"$header"); }
  curl --silent --fail --max-time 15 --output /dev/null --header "@$header" "$1/_ready"
}

print_urls() { # FUNCTION...
  local function
  for function in "$@"; do printf '%-18s %s\n' "$function" "$(service_url "$function")"; done
}

roll_back() { # FUNCTION
  local service
  service=$(service_of "$1")
  read_traffic "$service"
  [[ $PREVIOUS && $SERVING ]] || fail "$1 has no revision that had the traffic before"
  run gcloud run services update-traffic "$service" "--to-revisions=$PREVIOUS=100" "--set-tags=previous=$SERVING" "${IN_REGION[@]}"
  say "$1: $PREVIOUS has the traffic again, $SERVING had it before"
}
