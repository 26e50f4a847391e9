"""gcloud in the project and region of the settings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from cli.function_table import DeployedFunction
from ops.deploy.commands import CommandFailed, Commands, say
from ops.deploy.settings import Settings

KNOWN_EVERYWHERE_SECONDS = 60


@dataclass(frozen=True)
class Cloud:
    """gcloud calls of one run. `folder` is for temporary files, and is removed afterwards."""

    settings: Settings
    commands: Commands
    folder: Path

    @property
    def in_project(self) -> tuple[str, ...]:
        """Return the flags that set the project and disable prompts."""
        return (f"--project={self.settings['PROJECT']}", "--quiet")

    @property
    def in_region(self) -> tuple[str, ...]:
        return (f"--region={self.settings['REGION']}", *self.in_project)

    def change(self, *words: str) -> None:
        self.commands.change("gcloud", *words)

    def bind(self, *words: str) -> None:
        """Give a role, for up to a minute: it takes so long until an account that is new is known everywhere."""
        deadline = time.monotonic() + KNOWN_EVERYWHERE_SECONDS
        while True:
            try:
                return self.change(*words)
            except CommandFailed:
                if time.monotonic() >= deadline:
                    raise
            say("tried again in five seconds, in case the account is too new to be known there")
            time.sleep(5)

    def ask(self, *words: str, supposed: str = "") -> str:
        return self.commands.ask("gcloud", *words, supposed=supposed)

    def service(self, function: DeployedFunction) -> str:
        return self.settings.service(function)

    def deployed_service(self, service: str) -> str:
        """Return its name, or an empty string if it does not exist."""
        listing = ("run", "services", "list", f"--filter=metadata.name={service}", "--format=value(metadata.name)")
        return self.ask(*listing, *self.in_region, supposed=service)

    def service_url(self, function: DeployedFunction) -> str:
        service = self.service(function)
        describing = ("run", "services", "describe", service, "--format=value(status.url)")
        return self.ask(*describing, *self.in_region, supposed=f"https://{service}")
