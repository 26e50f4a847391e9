# shellcheck shell=bash
# Applies the files of ops/monitoring/: each is created, or brought to what the file says where it is there already.

apply_monitoring() {
  local file function
  work_folder
  for file in ops/monitoring/metrics/*.json; do apply_metric "$file"; done
  apply_dashboard ops/monitoring/dashboard.json
  for file in ops/monitoring/alerts/*.json; do apply_alert "$file"; done
  for function in "${FUNCTIONS[@]}"; do apply_uptime_check "$function"; done
}

apply_metric() { # FILE: named like the metric
  local name verb=create
  name=$(basename "$1" .json)
  [[ -z $(ask '' gcloud logging metrics list "--filter=name=$name" '--format=value(name)' "${IN_PROJECT[@]}") ]] || verb=update
  run gcloud logging metrics "$verb" "$name" "--config-from-file=$(for_these_services "$1")" "${IN_PROJECT[@]}"
}

apply_dashboard() { # FILE
  local known
  known=$(ask '' gcloud monitoring dashboards list "--filter=displayName='$(display_name "$1")'" '--format=value(name)' "${IN_PROJECT[@]}")
  # An update would ask for the etag of what it replaces.
  [[ ! $known ]] || run gcloud monitoring dashboards delete "$known" "${IN_PROJECT[@]}"
  run gcloud monitoring dashboards create "--config-from-file=$(for_these_services "$1")" "${IN_PROJECT[@]}"
}

apply_alert() { # FILE
  local known
  known=$(ask '' gcloud alpha monitoring policies list "--filter=displayName='$(display_name "$1")'" '--format=value(name)' "${IN_PROJECT[@]}")
  if [[ $known ]]; then
    run gcloud alpha monitoring policies update "$known" "--policy-from-file=$(for_these_services "$1")" "${IN_PROJECT[@]}"
  else
    run gcloud alpha monitoring policies create "--policy-from-file=$(for_these_services "$1")" \
      "--notification-channels=${VALUE[NOTIFICATION_CHANNELS]}" "${IN_PROJECT[@]}"
  fi
}

# It asks /_ready every minute, whose log line tells of the migration, the partitions and the database's connections.
apply_uptime_check() { # FUNCTION: where it is deployed and open to the check
  local name url
  name="popups $1 is ready"
  [[ $(value_for "$1" PUBLIC) == true ]] || return 0
  [[ -z $(ask '' gcloud monitoring uptime list-configs "--filter=displayName='$name'" '--format=value(name)' "${IN_PROJECT[@]}") ]] ||
    return 0
  [[ $(ask "$1" gcloud run services list "--filter=metadata.name=$(service_of "$1")" '--format=value(metadata.name)' "${IN_REGION[@]}") ]] ||
    return 0
  url=$(service_url "$1")
  run gcloud monitoring uptime create "$name" --resource-type=uptime-url \
    "--resource-labels=host=${url#*://},project_id=${VALUE[PROJECT]}" --protocol=https --path=/_ready --period=1 "${IN_PROJECT[@]}"
}

display_name() { sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$1"; }

for_these_services() { # FILE: the same with this project's names in it; prints where
  local result=$WORK_FOLDER/${1//\//-}
  sed "s|PROJECT_ID|${VALUE[PROJECT]}|g" "$1" >"$result"
  printf '%s' "$result"
}
