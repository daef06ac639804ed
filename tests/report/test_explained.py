"""The titles and explanations of the reports, as a DBA reads them: golden files, so that their wording is reviewed as text."""

import re

from tests.support import ROOT, golden
from tests.support.cli import Cli, Result


def test_the_list_of_reports(cli: Cli) -> None:
    golden.check("report-list", cli("report", "--list"))


def test_the_explanations_without_their_sql(cli: Cli) -> None:
    texts = []
    for path in sorted((ROOT / "sql" / "reports").glob("*.sql")):
        printed = cli("report", "explain", path.stem)
        assert printed.code == 0, printed.err
        text, _, query = printed.out.partition("\n\nwith")
        assert query, path.stem
        texts.append(text + "\n")
    golden.check("report-explain", Result(0, "\n".join(texts), ""))


def test_a_number_of_a_threshold_is_printed_as_it_is_set(cli: Cli) -> None:
    printed = cli("report", "explain", "activity").out
    assert re.search(r"^  temporary_bytes_per_day = 107374182400  # ", printed, re.MULTILINE)
