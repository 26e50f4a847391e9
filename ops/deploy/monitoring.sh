# shellcheck shell=bash
# Applies the files of ops/monitoring/: each is created, or brought to what the file says where it is there already.

apply_monitoring() {
  local file function
  work_folder
  for file in ops/monitoring/metrics/*.json; do apply_metric "$file"; done
  apply_dashboard ops/monitoring/dashboard.json
  for file in ops/monitoring/alerts/*.json; do apply_alert "$file"; done
  for function in "${FUNCTIONS[@]}"; do apply_uptime_check "$function"; done
  [[ ${VALUE[NOTIFICATION_CHANNELS]} ]] ||
    say "NOTIFICATION_CHANNELS is unset: the alerts tell NOBODY; allowed: ${ALLOWED[NOTIFICATION_CHANNELS]}"
}

apply_metric() { # FILE: named like the metric
  local name known verb=create
  name=$(basename "$1" .json)
  known=$(ask '' gcloud logging metrics list "--filter=name=$name" '--format=value(name)' "${IN_PROJECT[@]}")
  [[ ! $known ]] || verb=update
  run gcloud logging metrics "$verb" "$name" "--config-from-file=$(for_these_services "$1")" "${IN_PROJECT[@]}"
}

apply_dashboard() { # FILE: in place where it is there already, since people keep its address
  local known etag file
  file=$(for_these_services "$1")
  known=$(titled_like "$1" monitoring dashboards)
  if [[ ! $known ]]; then
    run gcloud monitoring dashboards create "--config-from-file=$file" "${IN_PROJECT[@]}"
    return
  fi
  # An update must name the etag of what it replaces.
  etag=$(ask ETAG gcloud monitoring dashboards describe "$known" '--format=value(etag)' "${IN_PROJECT[@]}")
  sed "1s#{#{ \"etag\": \"$etag\",#" "$file" >"$file.update"
  run gcloud monitoring dashboards update "$known" "--config-from-file=$file.update" "${IN_PROJECT[@]}"
}

apply_alert() { # FILE
  local known channels=${VALUE[NOTIFICATION_CHANNELS]}
  known=$(titled_like "$1" alpha monitoring policies)
  if [[ $known ]]; then
    # The file replaces the whole policy, and knows no channels: without the flag the alert would tell nobody any more.
    run gcloud alpha monitoring policies update "$known" "--policy-from-file=$(for_these_services "$1")" \
      ${channels:+"--set-notification-channels=$channels"} "${IN_PROJECT[@]}"
  else
    run gcloud alpha monitoring policies create "--policy-from-file=$(for_these_services "$1")" \
      ${channels:+"--notification-channels=$channels"} "${IN_PROJECT[@]}"
  fi
}

# It asks /_ready every minute, whose log line tells of the migration, the partitions and the database's connections.
apply_uptime_check() { # FUNCTION: there as long as everybody may call it, and at the address that it has now
  local title="popups $1 is ready" known host
  known=$(ask '' gcloud monitoring uptime list-configs "--filter=displayName='$title'" \
    '--format=csv[no-heading](name,monitoredResource.labels.host)' "${IN_PROJECT[@]}")
  host=$(host_to_check "$1")
  [[ ${known#*,} != "$host" ]] || return 0
  # A check's address cannot be changed, and one of a service that is closed, or goes by another name now, would page.
  [[ ! $known ]] || run gcloud monitoring uptime delete "${known%%,*}" "${IN_PROJECT[@]}"
  [[ $host ]] || return 0
  # Three regions are the fewest there may be. From all six, the checks of five functions would not be free any more.
  run gcloud monitoring uptime create "$title" --resource-type=uptime-url \
    "--resource-labels=host=$host,project_id=${VALUE[PROJECT]}" --protocol=https --path=/_ready --period=1 \
    --regions=europe,usa-virginia,asia-pacific "${IN_PROJECT[@]}"
}

host_to_check() { # FUNCTION: nothing where it is not deployed, or a check would stand before a closed door
  local deployed url
  [[ $(value_for "$1" PUBLIC) == true ]] || return 0
  deployed=$(deployed_service "$(service_of "$1")") || return
  [[ $deployed ]] || return 0
  url=$(service_url "$1") || return
  printf '%s' "${url#*://}"
}

titled_like() { # FILE KIND...: the name of what is there under the file's title, or nothing
  local title
  title=$(sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$1")
  shift
  ask '' gcloud "$@" list "--filter=displayName='$title'" '--format=value(name)' "${IN_PROJECT[@]}"
}

for_these_services() { # FILE: the same with this project's services in it; prints where
  local result=$WORK_FOLDER/${1//\//-} function services
  services=$(for function in "${FUNCTIONS[@]}"; do service_of "$function"; echo; done)
  sed "s,SERVICES,$(join '|' "$services"),g" "$1" >"$result"
  printf '%s' "$result"
}
