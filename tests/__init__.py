"""Tests that speak HTTP to the real functions over a real Postgres and a real Valkey."""

import pytest

# An assertion that fails in a helper tells the values it compared, as one in a test does.
pytest.register_assert_rewrite("tests.support", "tests.browser.support")
