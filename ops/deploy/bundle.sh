# shellcheck shell=bash
# The bundle: what of this repository one function needs, in a folder of its own.

# The buildpack compiles the bundle, by default to .pyc files that hold their source's time; the image then sets all
# times to 1980, so that every cold start would compile again. With this variable they hold their source's hash.
BUILD_ENVIRONMENT=SOURCE_DATE_EPOCH=315532801

stage() { # FUNCTION FOLDER: fills the folder, which must not be there yet
  local function=$1 folder=$2
  mkdir -p "$folder/functions/$function" "$folder/common"
  copy_sources "functions/$function" "$folder/functions/$function"
  copy_sources common "$folder/common"
  printf '"""The functions; here is one of them."""\n' >"$folder/functions/__init__.py"
  cp requirements.txt "$folder/requirements.txt"
  printf '"""Where the platform looks for the function."""\n\nfrom functions.%s.main import %s as %s\n' \
    "$function" "$function" "$function" >"$folder/main.py"
}

copy_sources() { # FROM TO: the files of one package; neither has folders inside
  local file
  for file in "$1"/*.py "$1"/*.lua; do
    [[ ! -e $file ]] || cp "$file" "$2/"
  done
}

fingerprint() { # FOLDER WORDS...: 16 hex digits that tell a bundle and how it is deployed
  local folder=$1
  shift
  {
    (cd "$folder" && find . -type f | LC_ALL=C sort | while IFS= read -r file; do printf '%s\n' "$file"; cat "$file"; done)
    printf '%s\n' "$@"
  } | sha256 | cut -c 1-16
}

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
