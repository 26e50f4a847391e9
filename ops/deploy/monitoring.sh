# shellcheck shell=bash
# Applies the files of ops/monitoring/: each is created, or brought to what the file says where it is there already.

apply_monitoring() {
  local file
  work_folder
  for file in ops/monitoring/metrics/*.json; do apply_metric "$file"; done
  apply_dashboard ops/monitoring/dashboard.json
  for file in ops/monitoring/alerts/*.json; do apply_alert "$file"; done
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

display_name() { sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$1"; }

for_these_services() { # FILE: the same with this project's names in it; prints where
  local result=$WORK_FOLDER/${1//\//-}
  sed "s|PROJECT_ID|${VALUE[PROJECT]}|g" "$1" >"$result"
  printf '%s' "$result"
}
