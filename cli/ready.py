"""Ask a revision for /_ready from inside Google Cloud, where its address is closed to others."""

import time

from cli.google_cloud import identity_token

ANSWER_SECONDS = 15


def await_ready(url: str, audience: str, seconds: int) -> bool:
    """Return whether it answers 200 within so many seconds."""
    deadline = time.monotonic() + seconds
    headers = {"X-Serverless-Authorization": f"Bearer {identity_token(audience)}"}
    while not _answers(url, headers):
        if time.monotonic() >= deadline:
            return False
        time.sleep(1)
    return True


def _answers(url: str, headers: dict[str, str]) -> bool:
    import requests

    try:
        return requests.get(url, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False).status_code == 200
    except requests.RequestException:
        return False
