# shellcheck shell=bash
# The storefront script: minified, named after its content, and never changed once it is up.

upload_storefront() {
  local file
  [[ ${VALUE[BUCKET]} ]] || fail "BUCKET is unset; allowed: ${ALLOWED[BUCKET]}"
  work_folder
  file=$("$PYTHON" storefront/build.py "$WORK_FOLDER/storefront") || fail "the storefront script was not built"
  # A name is given once: --no-clobber makes a second upload of the same content do nothing.
  run gcloud storage cp --no-clobber --gzip-local-all --content-type=text/javascript \
    "--cache-control=public, max-age=31536000, immutable" "$file" "gs://${VALUE[BUCKET]}/" "${IN_PROJECT[@]}"
  printf 'storefront script  https://storage.googleapis.com/%s/%s\n' "${VALUE[BUCKET]}" "$(basename "$file")"
}
