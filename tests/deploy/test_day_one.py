"""docs/day-one.md: its commands run in its order, and what Terraform writes is a deploy.env."""

import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import hcl2
import pytest

from cli.function_table import FUNCTIONS
from ops.deploy.command_line import main
from ops.deploy.settings import read_settings
from ops.deploy.settings_table import SETTINGS
from tests.support.stack import ROOT

TERRAFORM = ROOT / "ops/terraform"

# The first day, in its order: what comes later needs what came before.
FIRST_DAY = (
    "prepare",
    "migrate",
    "admin grant",
    "all",
    "front-door",
    "jobs",
    "monitoring",
    "admin shop create",
    "admin key create",
)


def page() -> str:
    return (ROOT / "docs/day-one.md").read_text()


def commands(text: str) -> list[str]:
    """Return the lines of the text's shell blocks."""
    return [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M) for line in block.splitlines()]


def steps() -> list[list[str]]:
    return [shlex.split(line)[1:] for line in commands(page()) if line.startswith("./deploy.sh ")]


def test_the_page_has_the_first_day_in_its_order() -> None:
    said = [" ".join(words) for words in steps()]
    assert len(said) == len(FIRST_DAY)
    assert [step for step, command in zip(FIRST_DAY, said, strict=True) if not command.startswith(step)] == []


def deploy_env(folder: Path) -> Path:
    """Write what `terraform output -raw deploy_env` prints, with a value for each reference; return the path."""
    text = (TERRAFORM / "outputs.tf").read_text().partition("<<-EOT\n")[2].partition("  EOT")[0]
    values = {
        "var.project": "my-shop-popups",
        "var.region": "europe-west1",
        "google_sql_database_instance.popups.connection_name": "my-shop-popups:europe-west1:popups",
        "google_monitoring_notification_channel.email.id": "projects/my-shop-popups/notificationChannels/1",
        "var.domain": "popups.example.com",
        "var.retain_days": "400",
        "var.deployer": "user:ann@example.com",
        "google_storage_bucket.files.name": "my-shop-popups-popups-files",
    }
    lines = re.sub(r'\$\{local\.version\["([^"]+)"\]\}', r"\1:1", text)
    lines = re.sub(r"\$\{([^}]+)\}", lambda found: values.get(found[1], "popups"), lines)
    file = folder / "deploy.env"
    file.write_text("".join(f"{line.strip()}\n" for line in lines.splitlines()))
    return file


def test_what_terraform_writes_is_a_complete_deploy_env(tmp_path: Path) -> None:
    settings = read_settings(deploy_env(tmp_path))
    assert settings["MIGRATE_DB_PASSWORD_SECRET"] == "popups-db-owner-password:1"
    assert settings["INGRESS"] == "internal-and-cloud-load-balancing"
    named = set(re.findall(r"^([A-Z_]+)=", deploy_env(tmp_path).read_text(), re.M))
    assert named <= set(SETTINGS)


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the lines that a dry run of the whole first day prints."""
    config = deploy_env(tmp_path_factory.mktemp("first-day"))
    with redirect_stdout(io.StringIO()) as printed, redirect_stderr(io.StringIO()) as errors:
        statuses = [main(["--dry-run", "--config", str(config), *words]) for words in steps()]
    assert set(statuses) == {0}, errors.getvalue()
    return printed.getvalue().splitlines()


def test_a_dry_run_of_the_whole_first_day_goes_through(first_day: list[str]) -> None:
    needed = (
        "services enable",
        "jobs deploy popups-admin",
        "run deploy shop-reports",
        "url-maps import",
        "scheduler jobs",
    )
    found = [next(number for number, line in enumerate(first_day) if each in line) for each in needed]
    assert found == sorted(found)


def test_nothing_on_the_first_day_needs_the_database_from_this_machine(first_day: list[str]) -> None:
    assert not [line for line in first_day if line.partition(" ")[0].endswith(("/popups", "/python"))]


def test_the_users_that_are_granted_rights_are_those_of_the_functions() -> None:
    (granted,) = (words for words in steps() if words[:2] == ["admin", "grant"])
    users = dict(zip(granted[3::2], granted[2::2], strict=True))
    expected = {f"{each.service}@my-shop-popups.iam": "--app" for each in FUNCTIONS.values()}
    assert users == expected | {f"{FUNCTIONS['stats'].service}@my-shop-popups.iam": "--stats"}


def test_every_address_of_the_page_is_one_that_the_front_door_has() -> None:
    paths = set(re.findall(r"https://popups\.example\.com/([a-z_-]+)(?=[`/\"\s])", page()))
    in_pages = {each.service for each in FUNCTIONS.values() if each.audience == "storefront"}
    assert paths - {"storefront", "console"} == {*FUNCTIONS, *in_pages}


def test_what_a_shop_embeds_are_attributes_that_the_script_knows() -> None:
    known = (ROOT / "storefront/README.md").read_text()
    attributes = re.findall(r" (data-[a-z-]+)=", page())
    assert len(attributes) == 4
    assert [each for each in attributes if f"`{each}`" not in known] == []


def test_the_terraform_files_parse_and_name_each_function() -> None:
    files = {path.name: hcl2.loads(path.read_text()) for path in TERRAFORM.glob("*.tf")}
    assert set(files) >= {
        "network.tf",
        "database.tf",
        "redis.tf",
        "secrets.tf",
        "storage.tf",
        "alerts.tf",
        "outputs.tf",
    }
    (services,) = (
        block['"services"']["default"] for block in files["variables.tf"]["variable"] if '"services"' in block
    )
    named = {name.strip('"'): text.strip('"') for name, text in services.items() if not name.startswith("__")}
    assert named == {name: each.service for name, each in FUNCTIONS.items()}


def test_every_variable_is_used_and_every_example_is_one() -> None:
    text = "".join(path.read_text() for path in TERRAFORM.glob("*.tf"))
    variables = set(re.findall(r'^variable "(\w+)"', text, re.M))
    assert set(re.findall(r"\bvar\.(\w+)", text)) == variables
    example = (TERRAFORM / "terraform.tfvars.example").read_text()
    assert set(re.findall(r"^(\w+)", example, re.M)) <= variables
