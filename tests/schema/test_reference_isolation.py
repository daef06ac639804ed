"""The isolation matrix: whoever refers to a message and whoever deletes it, in whatever order, nothing is left without its message."""

import os

import psycopg
import pytest

from tests.support import ROOT, isolation
from tests.support.database import Database
from tests.support.isolation import ALLOWED, OK, Case, Matrix, Outcome
from tests.support.months import make_months


def judge(outcomes: list[Outcome]) -> None:
    """Print the outcomes, and fail for an orphan, a loss or an error that nobody expects."""
    print(f"\n{isolation.table(outcomes)}")
    print(f"{len(outcomes)} combinations, {sum(one.orphans for one in outcomes)} orphans")
    assert [one for one in outcomes if one.orphans or one.loss] == []
    assert {one.inserted for one in outcomes} <= ALLOWED - {"0A000"}
    assert {one.deleted for one in outcomes} <= ALLOWED
    # A delete that is not read committed is refused, always and only then.
    assert [one for one in outcomes if (one.deleted == "0A000") != (one.case.deleter != "RC")] == []
    # The two have really met: where the delete is not refused, the second waited for the first.
    assert [one for one in outcomes if one.case.order in "bc" and one.case.deleter == "RC" and not one.has_waited] == []
    # An insert that no delete has met succeeds.
    assert [one for one in outcomes if one.case.order in "ab" and one.inserted != OK] == []


def test_no_order_and_no_isolation_leaves_an_orphan(migrated: Database) -> None:
    judge(list(Matrix(migrated).run(isolation.cases([1], isolation.DELETES))))


def test_no_truncate_leaves_an_orphan(migrated: Database) -> None:
    """Truncates take longer, for every month has its own triggers; so here under two isolations, and all by make test-isolation."""
    chosen = [case for case in isolation.cases([1], isolation.TRUNCATES) if case.deleter == "RC" and case.inserter in ("RC", "RR")]
    judge(list(Matrix(migrated).run(chosen)))


if "CHATSCHEMA_TEST_FULL" in os.environ:
    # make test-isolation
    def test_the_full_product_leaves_no_orphan(migrated: Database) -> None:
        make_months(migrated, 24)
        judge(list(Matrix(migrated).run(isolation.cases([1, 24], [*isolation.DELETES, *isolation.TRUNCATES]))))


def test_the_matrix_finds_the_orphans_of_0_1_0(empty: Database) -> None:
    """The release before let a delete with an old snapshot pass, and every truncate: the matrix is able to fail."""
    empty.run((ROOT / "tests" / "upgrades" / "0.1.0.sql").read_text())
    make_months(empty, 1)
    chosen = isolation.cases([1], isolation.DELETES)
    chosen += [case for case in isolation.cases([1], isolation.TRUNCATES) if (case.inserter, case.deleter) == ("RC", "RC")]
    outcomes = list(Matrix(empty).run(chosen))
    print(f"\n{isolation.table(outcomes)}")
    found = [one.case for one in outcomes if one.orphans]
    print(f"{len(outcomes)} combinations, {sum(one.orphans for one in outcomes)} orphans in {len(found)} of them")
    for kind in isolation.KINDS:
        for inserter in isolation.ISOLATIONS:
            assert Case(1, kind, "a", "row", inserter, "RR") in found
            assert Case(1, kind, "a", "set", inserter, "RR") in found
    assert Case(1, "status", "a", "truncate", "RC", "RC") in found
    assert Case(1, "attachment", "a", "truncate", "RC", "RC") in found
    assert not [case for case in found if case.deleter == "RC" and case.way in isolation.DELETES]


def test_the_refusal_says_what_to_do_instead(migrated: Database) -> None:
    for statement in (b"delete from public.messages", b"truncate public.messages"):
        with migrated.connect() as connection:
            connection.execute("begin isolation level serializable")
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="refused in a serializable transaction") as refused:
                connection.execute(statement)
        assert refused.value.diag.message_hint == "Set is_deleted instead, or delete in a read committed transaction."
