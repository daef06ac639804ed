"""new profile: what is learned of a database is its shape, and nothing of its rows."""

import os
import re
import tomllib
import uuid
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from chatschema.seed.bulk import bins, plan, shape, talk
from chatschema.seed.bulk.people import people
from chatschema.seed.learn import counts, noise, text
from tests.support import PASSWORD
from tests.support.access.world import dropped
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.pace import long
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
SOURCE = ("1m", "5000") if FULL else ("30k", "3000")
KS = 0.05
STRINGS = """
    select username from users union all select display_name from users union all select email from users
    union all select id::text from users union all select replace(id::text, '-', '') from users
    union all select password_hash from users union all select encode(public_key, 'hex') from user_public_keys
    union all select id::text from conversations union all select title from conversations where title is not null
    union all select device_name from auth_sessions union all select refresh_token_hash from auth_sessions
    union all select storage_key from attachments
    union all select encode(content_encrypted, 'hex') from (select content_encrypted from messages limit 5000) as m
    union all select encode(content_encrypted, 'base64') from (select content_encrypted from messages limit 5000) as m
    union all select id::text from (select id from messages limit 5000) as m
"""


@pytest.fixture
def other(server: PgServer, migrated_template: str) -> Iterator[Database]:
    """A second migrated database."""
    yield from create(server, f"other_{uuid.uuid4().hex[:12]}", migrated_template)


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """A folder of one's own for seeders and profiles."""
    (tmp_path / "seeds").mkdir()
    (tmp_path / "chatschema.toml").write_text('seeds_dir = "seeds"\n')
    return tmp_path / "seeds" / "profiles"


@long
def test_a_learned_profile_makes_a_database_of_the_same_shape(
    cli: Cli, migrated: Database, other: Database, own_folder: Path
) -> None:
    messages, conversations = SOURCE
    seed = ("seed", "--until", "2026-04-11", "--workers", "2", "--url")
    size = ("--messages", messages, "--users", "400", "--conversations", conversations, "--months", "12" if FULL else "2")
    assert cli(*seed, migrated.url, *size, timeout=3600).code == 0
    migrated.run("update conversations set title = 'Geheimnis der Zwölf'")
    rows = migrated.all("select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_all_tables where schemaname = 'public'")
    done = cli("new", "profile", "learned", "--from", migrated.url, timeout=3600)
    assert (done.code, done.out) == (0, "seeds/profiles/learned.toml\n"), done.err
    written = (own_folder / "learned.toml").read_text()
    nothing_of_it_is_in(migrated, written)
    assert migrated.all("select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_all_tables where schemaname = 'public'") == rows

    result = cli(*seed, other.url, "--profile", "learned", "--json", timeout=3600)
    assert result.code == 0, result.err
    # The largest conversations are hidden by the noise: the fewer conversations there are, the more of them.
    share = result.json()["bulk"]["messages"] / migrated.one("select count(*) from messages")
    assert (0.85 if FULL else 0.5) < share < 1.15
    for name, query in (
        ("messages", "select count(m.id) from conversations c left join messages m on m.conversation_id = c.id group by c.id"),
        ("members", "select count(*) from conversation_participants group by conversation_id"),
        ("hours", "select extract(hour from created_at at time zone 'UTC')::integer from messages"),
        ("bytes", "select octet_length(content_encrypted) from messages where content_encrypted is not null"),
    ):
        distance = ks([row[0] for row in migrated.all(query)], [row[0] for row in other.all(query)])
        print(f"{name}: KS {distance:.4f}")
        # In a small database the noise is larger, most of all for the many lengths of texts.
        assert distance < (KS if FULL else 5 * KS if name == "bytes" else 2 * KS), name
    again = cli("new", "profile", "learned", "--from", migrated.url)
    assert (again.code, "error[seed.profile-file]: profile learned already exists" in again.err) == (2, True)


def nothing_of_it_is_in(source: Database, written: str) -> None:
    strings = {row[0] for row in source.all(STRINGS)}
    assert len(strings) > 10_000
    assert not [string for string in strings if string and string.strip() in written]
    # Nor anything else: without its numbers, every profile has the same text.
    empty = counts.Counts({name: (0,) * question.ranges for name, question in counts.QUESTIONS.items()})
    allowed = set(re.findall(r"[^\W\d_]+", text.text(empty)[0])) | {
        "size", "messages", "users", "conversations", "months", "direct", "largest", "group", "groups", "sizes", "rhythm", "hours",
        "days", "system", "replies", "edited", "deleted", "files", "distances", "lengths", "statuses", "read", "reactions", "nothing",
    }  # fmt: skip
    assert set(re.findall(r"[^\W\d_]+", written)) <= allowed


def ks(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the largest distance between the two distributions."""
    first, second = sorted(one), sorted(other)
    return max(
        abs(bisect_right(first, value) / len(first) - bisect_right(second, value) / len(second)) for value in {*first, *second}
    )


def test_a_database_of_a_few_conversations_is_not_learned(cli: Cli, seeded: Database, own_folder: Path) -> None:
    done = cli("new", "profile", "mine", "--from", seeded.url)
    assert (done.code, "error[seed.profile-small]" in done.err) == (1, True)
    assert not own_folder.exists()
    for name in ("../mine", "Mine", "", "a.b", "é"):
        assert cli("new", "profile", name, "--from", seeded.url).code == 2, name


def test_an_analyst_needs_one_grant_and_who_does_not_see_all_rows_is_refused(
    cli: Cli, server: PgServer, migrated: Database, own_folder: Path
) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    with dropped(server, prefix):
        assert cli("roles", "apply", "--prefix", prefix, "--url", migrated.url).code == 0
        for name in ("analyst", "stranger"):
            migrated.run(f"create role {prefix}_{name} login password '{PASSWORD}'")
        migrated.run(f"grant {prefix}_readonly to {prefix}_analyst")
        migrated.run(f"alter role {prefix}_analyst set default_transaction_read_only = on")
        analyst, stranger = (
            server.url(migrated.name, user=f"{prefix}_{one}", password=PASSWORD) for one in ("analyst", "stranger")
        )
        refused = cli("new", "profile", "mine", "--from", analyst)
        assert (refused.code, "error[seed.profile-rights]" in refused.err) == (1, True), refused.err
        assert grants(refused.err) == [f"grant select (content_encrypted) on public.messages to {prefix}_analyst"]
        migrated.run("insert into users (username) values ('carol')")
        migrated.run("insert into conversations (title) select 'Z' || g from generate_series(1, 2000) as g")
        # Of nobody who takes part: the profile learns the sizes alone.
        migrated.run(
            "alter table messages disable trigger messages_require_sender;"
            "insert into messages (conversation_id, sender_id, content_encrypted) select c.id, u.id, 'x' from conversations c, users u;"
            "alter table messages enable trigger messages_require_sender"
        )
        migrated.run(grants(refused.err)[0])
        served = cli("new", "profile", "mine", "--from", analyst)
        assert served.code == 0, served.err
        assert "hours are as in the demo" in served.err
        learned = tomllib.loads((own_folder / "mine.toml").read_text())
        assert set(learned) == {"size", "conversations"}
        # The noise may leave a few in another class.
        assert learned["conversations"]["sizes"][0] == 0
        assert learned["conversations"]["sizes"][1] > 95_000
        assert learned["size"]["messages"] == pytest.approx(2000, abs=400)

        # Who has the grants and no policy would learn from no row.
        migrated.run(f"grant usage on schema public, chatschema to {prefix}_stranger")
        wanted = grants(cli("new", "profile", "other", "--from", stranger).err)
        assert len(wanted) == 5
        for grant in wanted:
            migrated.run(grant)
        hidden = cli("new", "profile", "other", "--from", stranger)
        assert "row level security hides rows of users" in hidden.err, hidden.err
        assert not (own_folder / "other.toml").exists()


def grants(printed: str) -> list[str]:
    """Return the statements of a hint."""
    return re.findall(r"grant select \([^)]*\) on \S+ to \w+", re.sub(r"\s+", " ", printed))


def test_the_noise_is_that_of_laplace_and_the_parts_of_epsilon_are_one() -> None:
    assert sum(question.epsilon for question in counts.QUESTIONS.values()) == 100 * counts.EPSILON
    drawn = [noise.noisy(1000, 2, Fraction(1, 5)) - 1000 for _ in range(4000)]
    assert abs(sum(drawn) / len(drawn)) < 1.2
    # The mean size of the noise is its scale, here ten; its tail falls by e with each scale.
    assert sum(map(abs, drawn)) / len(drawn) == pytest.approx(10, rel=0.1)
    assert sum(abs(one) > 10 for one in drawn) / len(drawn) == pytest.approx(0.35, abs=0.04)
    assert len(Counter(drawn)) > 40


def test_ranges_follow_each_other_and_quantiles_are_distributed_by_weight() -> None:
    assert list(bins.LOWER) == sorted(set(bins.LOWER))
    assert bins.LOWER[-1] == 131072
    assert bins.quantiles((0, 1, 0, 3), 8) == [1, 1, 3, 3, 3, 3, 3, 3]
    values = bins.quantiles((0,) * 24 + (5,), 100)
    assert (min(values), max(values)) == (bins.LOWER[24], bins.LOWER[25] - 1)
    with pytest.raises(Exception, match="sizes cannot be"):
        shape.parse("mine", b"[conversations]\nsizes = [5]")


@pytest.mark.parametrize(("messages", "conversations"), [(1003, 90), (7, 3), (40, 400), (100_000, 50)])
def test_each_conversation_gets_exactly_its_messages_in_the_hours_of_its_month(messages: int, conversations: int) -> None:
    document = "[conversations]\nsizes = [5, 9, 0, 3, 0, 0, 0, 0, 0, 2]\ngroups = [1, 5, 0, 2]\n[messages]\ndistances = [1, 0, 4]\n"
    learned = shape.parse("mine", document.encode())
    size = plan.size(messages, 9, conversations, 3, date(2026, 4, 11), 7, learned)
    everybody = people(size)
    assert everybody.messages is not None
    written: Counter[int] = Counter()
    for part in plan.parts(size):
        for slice in range(len(part.slices)):
            said = talk.talk(size, everybody, part, slice)
            written.update(said.conversation.tolist())
            assert all(part.lower <= datetime.fromtimestamp(one / 1000, UTC) < part.upper for one in said.said.tolist())
            answered = said.reply[said.reply >= 0]
            assert (said.conversation[answered] == said.conversation[said.reply >= 0]).all()
    assert [written[number] for number in range(conversations)] == (everybody.messages[1:] - everybody.messages[:-1]).tolist()
    sizes = (everybody.first[1:] - everybody.first[:-1])[everybody.direct :]
    assert set(sizes.tolist()) <= {1, 2, 4}
