"""The claims of docs/explanation/security.md name tests that exist."""

import re

from tests.support import ROOT

PAGE = ROOT / "docs" / "explanation" / "security.md"


def test_each_claim_names_a_test_that_exists() -> None:
    claims = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE.read_text())
    assert len(claims) > 14
    missing = [f"{path}::{name}" for path, name in claims if f"def {name}(" not in (ROOT / path).read_text()]
    assert missing == []
