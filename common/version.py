"""The one version: of the package, the API, and what a deployed function reports."""

VERSION = "1.0.0"
