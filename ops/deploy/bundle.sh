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

copy_sources() { # FROM TO: the sources of one package and those below it
  local file
  while IFS= read -r file; do
    mkdir -p "$2/$(dirname "$file")"
    cp "$1/$file" "$2/$file"
  done < <(cd "$1" && find . -type f \( -name '*.py' -o -name '*.lua' -o -name '*.json' -o -name '*.sql' \))
}

fingerprint() { # FOLDER WORDS...: 16 hex digits that tell a bundle and how it is deployed
  local folder=$1
  shift
  {
    (cd "$folder" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 "${SHA256[@]}")
    printf '%s\n' "$@"
  } | "${SHA256[@]}" | cut -c 1-16
}

SHA256=(sha256sum)
command -v sha256sum >/dev/null || SHA256=(shasum -a 256)
