"""The stand-in for Cloud SQL, and the connector of this process led to it."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cloud_sql.stand_in import CloudSql, Instance
from tests.support.stack import Stack


@pytest.fixture(scope="package")
def cloud(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudSql]:
    if sys.platform != "linux":
        pytest.skip("NOT RUN: each instance of the stand-in needs a loopback address of its own, which Linux has")
    import google.cloud.sql.connector as library

    running = CloudSql(stack.postgres.port)
    patch = pytest.MonkeyPatch()
    credentials = running.credentials_file(tmp_path_factory.mktemp("credentials"))
    patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(credentials))
    patch.setattr(library, "Connector", partial(library.Connector, sqladmin_api_endpoint=running.endpoint))
    yield running
    patch.undo()
    running.close()


@pytest.fixture
def instance(cloud: CloudSql) -> Instance:
    return cloud.new_instance()


@pytest.fixture
def launcher(cloud: CloudSql) -> list[str]:
    """Return the command that starts functions-framework with the stand-in for Cloud SQL."""
    return [sys.executable, str(Path(__file__).with_name("launch.py")), cloud.endpoint]
