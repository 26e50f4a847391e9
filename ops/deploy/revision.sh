# shellcheck shell=bash
# A function's service and its revisions: how a new one comes, proves itself, gets the traffic, and gives it back.
#
# Traffic tags say what a revision is to us: `candidate` has yet to answer its /_ready, `previous` had the traffic before.
# The first revision of a service has the traffic from the start and is a candidate all the same until it has answered, so
# that a run that ends halfway leaves something for the next to finish.
# The label `release` is the fingerprint of what was deployed, by which a second run sees that there is nothing to do.

deploy_function() { # FUNCTION
  local function=$1 service bundle release
  service=$(service_of "$function")
  work_folder
  bundle=$WORK_FOLDER/$function
  stage "$function" "$bundle"
  set_deploy_flags "$function"
  release=$(fingerprint "$bundle" "$service" "${DEPLOY_FLAGS[@]}")
  read_traffic "$service"
  if [[ ! $SERVING ]] || ! is_release "$SERVING" "$release"; then
    prepare_account "$function"
    say "$function: deploying release $release to $service"
    bring_candidate "$function" "$service" --source="$bundle" --labels="release=$release"
    prove_candidate "$function" "$service"
  elif [[ ! $PROVEN ]]; then
    say "$function: nothing has changed, but $SERVING has yet to answer /_ready"
    prove_candidate "$function" "$service"
  else
    say "$function: nothing has changed, $SERVING goes on"
    set_access "$function" "$service"
  fi
}

bring_candidate() { # FUNCTION SERVICE FLAGS...: deploys a revision that nobody but us can reach
  local function=$1 service=$2 apart=--no-traffic
  shift 2
  # A new service cannot be kept from traffic. Until it is ready it is kept from everybody but us instead.
  [[ $PROVEN ]] || apart=--no-allow-unauthenticated
  run gcloud run deploy "$service" "$@" "${DEPLOY_FLAGS[@]}" "$apart" --tag=candidate "${IN_REGION[@]}" ||
    fail "$function was not deployed; $(what_holds "$service")"
  read_traffic "$service"
}

prove_candidate() { # FUNCTION SERVICE: once it answers it gets the traffic, and is a candidate no more
  local function=$1 service=$2 tags=--clear-tags
  await_ready "$function" "$CANDIDATE_URL" ||
    fail "$function: $CANDIDATE does not answer /_ready; $(what_holds "$service")"
  set_access "$function" "$service"
  [[ ! $SERVING || $SERVING == "$CANDIDATE" ]] || tags=--set-tags=previous=$SERVING
  run gcloud run services update-traffic "$service" "--to-revisions=$CANDIDATE=100" "$tags" "${IN_REGION[@]}"
}

what_holds() { # SERVICE: what shoppers and merchants have after a deployment that failed
  if [[ $PROVEN ]]; then
    printf '%s goes on' "${SERVING:-what had the traffic}"
  else
    printf 'its service %s stays closed to the public' "$1"
  fi
}

set_access() { # FUNCTION SERVICE: lets everybody call it, or only those who have the role, as PUBLIC says
  local verb=''
  # Not by a flag of `run deploy`, which only warns where it could not, and says that all went well.
  if is_public "$2"; then
    [[ $(value_for "$1" PUBLIC) == true ]] || verb=remove
  else
    [[ $(value_for "$1" PUBLIC) == false ]] || verb=add
  fi
  [[ $verb ]] || return 0
  run gcloud run services "$verb-iam-policy-binding" "$2" --member=allUsers --role=roles/run.invoker "${IN_REGION[@]}" ||
    fail "$1: who may call $2 could not be changed"
}

is_public() { # SERVICE: whether everybody may call it
  local everybody
  everybody=$(ask allUsers gcloud run services get-iam-policy "$1" '--flatten=bindings[].members' \
    '--filter=bindings.role=roles/run.invoker AND bindings.members=allUsers' '--format=value(bindings.members)' "${IN_REGION[@]}") ||
    fail "who may call $1 cannot be read"
  [[ $everybody ]]
}

# Sets SERVING, PREVIOUS, CANDIDATE and CANDIDATE_URL, and PROVEN where what has the traffic has once answered /_ready.
read_traffic() { # SERVICE
  local exists traffic percent tag revision url
  SERVING='' PREVIOUS='' CANDIDATE='' CANDIDATE_URL='' PROVEN=''
  exists=$(deployed_service "$1") || fail "the services of ${VALUE[PROJECT]} cannot be listed"
  [[ $exists ]] || return 0
  traffic=$(describe_traffic "$1") || fail "the service $1 cannot be read"
  while IFS=, read -r percent tag revision url; do
    [[ ! $percent ]] || PROVEN=yes
    [[ $percent != 100 ]] || SERVING=$revision
    case $tag in
      candidate) CANDIDATE=$revision CANDIDATE_URL=$url ;;
      previous) PREVIOUS=$revision ;;
    esac
  done <<<"$traffic"
  [[ ! $SERVING || $SERVING != "$CANDIDATE" ]] || PROVEN=''
}

deployed_service() { # SERVICE: its name, or nothing where there is none
  ask "$1" gcloud run services list "--filter=metadata.name=$1" '--format=value(metadata.name)' "${IN_REGION[@]}"
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

await_ready() { # FUNCTION URL: whether /_ready says 200 within READY_SECONDS
  local function=$1 url=$2 token='' deadline=$((SECONDS + VALUE[READY_SECONDS]))
  is_public "$(service_of "$function")" || token=$(identity_token "$function") ||
    fail "there is no identity token to ask /_ready with"
  [[ ! $DRY_RUN ]] || { print_command curl --fail "$url/_ready"; return; }
  until answers_ready "$url" "$token"; do
    ((SECONDS < deadline)) || return 1
    sleep 1
  done
}

identity_token() { # FUNCTION: what a service that is closed to the public knows us by
  local account url
  account=$(ask DEPLOYER.iam.gserviceaccount.com gcloud auth list --filter=status:ACTIVE '--format=value(account)') || return
  [[ $account == *.gserviceaccount.com ]] || { ask TOKEN gcloud auth print-identity-token "${IN_PROJECT[@]}"; return; }
  # A service account's token must name the service, also where a revision's own address is asked; a user's cannot.
  url=$(service_url "$1") || return
  # Whom workload identity federation has made a service account gets one only as if it were another's.
  ask TOKEN gcloud auth print-identity-token "--audiences=$url" "${IN_PROJECT[@]}" ||
    ask TOKEN gcloud auth print-identity-token "--audiences=$url" "--impersonate-service-account=$account" "${IN_PROJECT[@]}"
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
