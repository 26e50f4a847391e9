"""The Chromium of this machine, and how tests start it."""

import shutil

# The first has no windows, and a page costs a fifth in it.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
MISSING = "BROWSER TESTS SKIPPED: no Chromium here. Install the Debian package 'chromium-headless-shell' to run them."
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The pages of a made-up shop may call functions on this machine.
    "--disable-features=LocalNetworkAccessChecks",
]
