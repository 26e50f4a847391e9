# shellcheck shell=bash
# Asks for the popups of every shop in the database, so that no shopper is the first.

warm() { # the function fills its cache itself: Redis need not be within our reach
  local url shop
  url=$(service_url get_active_popups)
  [[ $url ]] || fail "get_active_popups is not deployed"
  if [[ $DRY_RUN ]]; then
    on_database "$PYTHON" ops/deploy/shop_ids.py
    print_command curl --get --data-urlencode shop_id=SHOP "$url/"
    return
  fi
  on_database "$PYTHON" ops/deploy/shop_ids.py | while IFS= read -r shop; do
    # A limit that is hit says after how many seconds to ask again, and curl does.
    curl --silent --show-error --fail --retry 5 --max-time 30 --output /dev/null --get --data-urlencode "shop_id=$shop" "$url/" ||
      fail "the popups of $shop could not be fetched"
    say "warmed $shop"
  done
}
