"""Ask a revision for /_ready from inside Google Cloud, where its address is closed to others."""

import time

import click

METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"
"""Where a job gets a token of the account that it acts as."""

ANSWER_SECONDS = 15


def await_ready(url: str, audience: str, seconds: int) -> bool:
    """Return whether it answers 200 within so many seconds."""
    deadline = time.monotonic() + seconds
    headers = {"X-Serverless-Authorization": f"Bearer {_token(audience)}"}
    while not _answers(url, headers):
        if time.monotonic() >= deadline:
            return False
        time.sleep(1)
    return True


def _token(audience: str) -> str:
    import requests  # a quarter of a second, which no other command needs to pay

    try:
        answer = requests.get(
            METADATA, {"audience": audience}, headers={"Metadata-Flavor": "Google"}, timeout=ANSWER_SECONDS
        )
        answer.raise_for_status()
    except requests.RequestException as error:
        raise click.ClickException(f"There is no token to ask with, as inside Google Cloud: {error}") from None
    return answer.text


def _answers(url: str, headers: dict[str, str]) -> bool:
    import requests

    try:
        return requests.get(url, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False).status_code == 200
    except requests.RequestException:
        return False
