"""functions-framework, with the Cloud SQL connector led to a stand-in: `launch.py ENDPOINT OPTIONS…`."""

import sys
from functools import partial

import google.cloud.sql.connector as library
from functions_framework._cli import _cli

library.Connector = partial(library.Connector, sqladmin_api_endpoint=sys.argv.pop(1))  # type: ignore[assignment,misc]
_cli()
