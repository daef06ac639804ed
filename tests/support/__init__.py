"""Fixtures and builders of the tests and benchmarks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Of the roles that tests log in with: some servers ask for one.
PASSWORD = "tiger99"
