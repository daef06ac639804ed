"""The list of tests that do not apply to a distributed database names tests that exist, each with a reason."""

import re

from tests.support import ROOT
from tests.support.distributed import reasons


def test_each_listed_test_exists() -> None:
    listed = reasons()
    assert listed
    for name, reason in listed.items():
        path, _, function = name.partition("::")
        text = (ROOT / "tests" / path).read_text("utf-8")
        assert re.search(rf"(?m)^def {re.escape(function.partition('[')[0])}\(", text), name
        assert len(reason) > 20, name
