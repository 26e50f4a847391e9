"""What a job inside Google Cloud asks of it: tokens of the account that it acts as, and to keep a secret."""

from __future__ import annotations

import base64
from typing import Any

import click

ACCOUNT = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default"
SECRETS = "https://secretmanager.googleapis.com/v1"
ANSWER_SECONDS = 15


def identity_token(audience: str) -> str:
    """Return a token with which a service that is not public can be asked. Raises ClickException."""
    return str(_account("identity", audience=audience).text)


def add_secret_version(project: str, name: str, text: str) -> str:
    """Add a version to the secret, which must exist, and return its NAME:VERSION. Raises ClickException."""
    token = _account("token").json()["access_token"]
    url = f"{SECRETS}/projects/{project}/secrets/{name}:addVersion"
    payload = {"payload": {"data": base64.b64encode(text.encode()).decode()}}
    answer = _ask("post", url, headers={"Authorization": f"Bearer {token}"}, json=payload)
    return f"{name}:{answer.json()['name'].rpartition('/')[2]}"


def _account(what: str, **params: str) -> Any:
    return _ask("get", f"{ACCOUNT}/{what}", headers={"Metadata-Flavor": "Google"}, params=params)


def _ask(method: str, url: str, **options: Any) -> Any:
    import requests  # a quarter of a second, which no other command needs to pay

    try:
        answer = requests.request(method, url, timeout=ANSWER_SECONDS, **options)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise click.ClickException(f"Google Cloud does not answer as it does to a job inside it: {error}") from None
    return answer
