"""The version of everything here: the package's, the API's, and what a deployed function says of itself."""

VERSION = "1.0.0"
