"""Verifies a sealed audit trail, with nothing of chatschema: from the files of `audit archive`, or from the database itself.

    python verify_audit.py --archive DIR [--anchor FILE --key FILE.pub]
    python verify_audit.py --url postgresql://... [--anchor FILE --key FILE.pub]

Needs Python 3.11; for --url also psycopg. docs/reference/audit-format.md defines the bytes. Prints what is wrong; exit code 3 then.
"""

import argparse
import base64
import gzip
import json
import struct
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any
from uuid import UUID

FORMAT = "chatschema-audit-1"
FIELDS = {
    "id": 20, "user_id": 2950, "action": 25, "resource_type": 25, "resource_id": 25, "severity": 25, "session_id": 2950,
    "request_id": 25, "created_at": 1184, "recorded_at": 1184, "recorded_by": 25, "txid": 5069, "pii_digest": 17,
}  # fmt: skip
Entry = dict[str, Any]


def canonical(entry: Entry) -> bytes:
    """Return the bytes of an entry: the number of fields, then for each its type, its length (-1: null) and its value."""
    found = struct.pack("!i", len(FIELDS))
    for name, type in FIELDS.items():
        value = entry[name]
        raw = b"" if value is None else _raw(type, value)
        found += struct.pack("!ii", type, -1 if value is None else len(raw)) + raw
    return found


def _raw(type: int, value: Any) -> bytes:
    if type == 25:
        return str(value).encode()
    if type == 2950:
        return UUID(value).bytes
    if type == 17:
        return bytes.fromhex(value)
    if isinstance(value, str):
        moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        value = (moment - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return struct.pack("!Q" if type == 5069 else "!q", value)


def personal_digest(personal: dict[str, str | None]) -> str:
    """Return the digest of the personal data of an entry, hexadecimal."""
    texts = (personal[name] for name in ("ip_address", "user_agent", "details"))
    joined = ";".join("-" if text is None else f"{len(text.encode())}:{text}" for text in texts)
    return sha256(bytes.fromhex(personal["salt"] or "") + joined.encode()).hexdigest()


def root(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash of RFC 6962 over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:])).digest()


def fields(text: str) -> dict[str, str]:
    """Return the values of a record by their keys."""
    return dict(line.split(" ", 1) for line in text.split("\n")[:-1])


class Check:
    """What was read so far, and how much of it is wrong."""

    def __init__(self) -> None:
        self.wrong = self.entries = self.only_archived = 0
        self.blank, self.named = set[int](), set[int]()
        self.hashes: dict[int, bytes] = {}

    def say(self, text: str) -> None:
        """Print something that is wrong."""
        self.wrong += 1
        print(f"wrong: {text}")

    def personal(self, entry: Entry) -> None:
        """Check the personal data of an entry, and remember what was erased, and which erasures are named."""
        self.entries += 1
        if entry["personal"] is None:
            self.blank.add(entry["id"])
        elif personal_digest(entry["personal"]) != entry["pii_digest"]:
            self.say(f"entry {entry['id']}: its address, user agent, details or salt was changed")
        self.names(entry)

    def names(self, entry: Entry) -> None:
        """Remember the entries whose personal data was erased, as an entry names them."""
        if entry["action"] == "audit.erase" and entry["resource_type"] == "audit_log" and entry["personal"]:
            self.named.update(json.loads(entry["personal"]["details"]).get("ids", []))

    def seal(self, record: str, epoch: str, entries: Iterable[Entry] | None) -> None:
        """Check a seal, its place after the one before, and its entries; None for those that are elsewhere."""
        values, number = fields(record), int(fields(record)["number"])
        self.hashes[number] = sha256(b"\x00" + record.encode()).digest()
        if values["format"] != FORMAT or values["epoch-digest"] != sha256(epoch.encode()).hexdigest():
            self.say(f"seal {number} is of another format, or its epoch was changed")
        before = self.hashes.get(number - 1, b"") if number > 1 else sha256(b"").digest()
        if values["previous"] != before.hex():
            self.say(f"seal {number} was not made after the one before it that is here")
        if entries is None:
            return
        leaves, places = list[bytes](), list[tuple[int, int]]()
        for entry in entries:
            self.personal(entry)
            leaves.append(sha256(b"\x00" + canonical(entry)).digest())
            places.append((entry["txid"], entry["id"]))
        if (str(len(leaves)), root(leaves).hex()) != (values["rows"], values["root"]) or places != sorted(places):
            self.say(f"the entries of seal {number} are not those that were sealed")

    def anchor(self, leaves: list[bytes]) -> None:
        """Compare the seals with those of an anchor."""
        for number, hashed in sorted(self.hashes.items()):
            if number <= len(leaves) and hashed != leaves[number - 1]:
                self.say(f"seal {number} is not the one in the anchor")
                return
        if len(self.hashes) < len(leaves):
            self.say(f"the anchor has {len(leaves)} seals, and there are {len(self.hashes)} here")


def from_archive(folder: Path, check: Check) -> str:
    """Check all files of a folder, and return the id of the trail."""
    log = ""
    for path in sorted(folder.glob("seal-*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            head = json.loads(file.readline())
            check.seal(head["seal"], head["epoch"], map(json.loads, file))
            log = fields(head["epoch"])["log"]
    return log


_SEALS = r"""
    with e as (
        select *, lead(first_id) over w as next_id, lead(carried_id) over w as rest_id, lead(carried_txid) over w as rest_txid,
            system_identifier = (select c.system_identifier::text from pg_control_system() as c) as is_here,
            concat('format chatschema-audit-1', E'\nlog ', log_id, E'\nepoch ', number, E'\nsystem-identifier ', system_identifier,
                E'\ntimeline ', timeline, E'\nfirst-id ', first_id, E'\nfirst-seal ', first_seal, E'\ncarried-id ', carried_id,
                E'\ncarried-txid ', carried_txid, E'\nreason ', reason, E'\ntime ',
                to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), E'\n') as text
        from chatschema.audit_epochs window w as (order by number)
    )
    select e.log_id::text, e.text, removed_at is not null,
        concat('format chatschema-audit-1', E'\nnumber ', s.number, E'\nepoch ', epoch, E'\nlow ', low, E'\nhigh ', high,
            E'\nrows ', row_count, E'\nfirst-id ', s.first_id, E'\nlast-id ', last_id, E'\nroot ', encode(root, 'hex'),
            E'\nlocator ', encode(locator_digest, 'hex'), E'\nprevious ', encode(previous, 'hex'),
            E'\nepoch-digest ', encode(sha256(convert_to(e.text, 'UTF8')), 'hex'),
            E'\ntime ', to_char(sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), E'\n'),
        case when s.number = e.first_seal and e.number > 1 then
            format('id >= %s and id < %s and (id > %s or txid >= %L)', o.first_id, e.first_id, e.carried_id, e.carried_txid)
        else
            format('(%s = 1 or id >= %s) and txid >= %L and txid < %L', e.number, e.first_id, low, high)
            || case when e.next_id is not null then
                format(' and id < %s and not (id > %s or txid >= %L)', e.next_id, e.rest_id, e.rest_txid)
            when not e.is_here then format(' and id <= %s', max(s.last_id) over (partition by epoch)) else '' end
        end,
        e.next_id is not null or e.is_here
    from chatschema.audit_seals as s join e on e.number = epoch left join e as o on o.number = epoch - 1
    order by s.number
"""
_ENTRIES = """
    select id, user_id::text, action, resource_type, resource_id, severity, session_id::text, request_id,
        timestamptz_send(created_at), timestamptz_send(recorded_at), recorded_by, txid::text, encode(pii_digest, 'hex'),
        encode(pii_salt, 'hex'), host(ip_address) || '/' || masklen(ip_address), user_agent, details::text
    from public.audit_logs as a where {} order by a.txid, a.id
"""


def from_database(url: str, check: Check) -> str:
    """Check all seals of a database in one snapshot, and return the id of the trail."""
    import psycopg

    log, is_here = "", True
    with psycopg.connect(url) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        for log, epoch, is_removed, record, where, is_here in connection.execute(_SEALS).fetchall():  # noqa: B007  # the last ones
            check.seal(record, epoch, None if is_removed else _entries(connection, where))
            if is_removed:
                query = f"select count(*) from public.audit_logs as a where {where}"
                check.only_archived += sum(max(int(fields(record)["rows"]) - left, 0) for (left,) in connection.execute(query))
        if not is_here:
            check.say("the trail was sealed in another cluster, and nobody declared a new epoch")
        for entry in _entries(connection, "resource_type = 'audit_log' and action = 'audit.erase'"):
            check.names(entry)
    return log


def _entries(connection: Any, where: str) -> Iterator[Entry]:
    with connection.cursor("entries") as cursor:
        for row in cursor.execute(_ENTRIES.format(where)):
            entry = dict(zip(FIELDS, row[:13], strict=True))
            entry |= {name: struct.unpack("!q", entry[name])[0] for name in ("created_at", "recorded_at")}
            personal = dict(zip(("salt", "ip_address", "user_agent", "details"), row[13:], strict=True))
            yield {**entry, "txid": int(entry["txid"]), "personal": None if row[13] is None else personal}


def read_anchor(text: str, key: str) -> tuple[str, list[bytes]]:
    """Return origin and hashes of an anchor whose signature fits the public key. Raises ValueError for any other."""
    name, id, encoded = key.strip().split("+", 2)
    public = base64.b64decode(encoded)
    body, _, rest = text.partition("\n\n\N{EM DASH} ")
    signer, signature = rest.split("\n", 1)[0].split(" ")
    raw = base64.b64decode(signature)
    known = sha256(name.encode() + b"\n" + public).digest()[:4]
    if signer != name or raw[:4] != known or known.hex() != id or not _is_signed(public[1:], body.encode() + b"\n", raw[4:]):
        raise ValueError("the signature of the anchor does not fit the key")
    origin, size, encoded_root = body.split("\n")
    leaves = [base64.b64decode(line) for line in rest.partition("\n\n")[2].split()]
    if len(leaves) != int(size) or root(leaves) != base64.b64decode(encoded_root):
        raise ValueError("the hashes of the anchor do not lead to its root")
    return origin, leaves


# Ed25519, RFC 8032: checking a signature.
_P, _Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
Point = tuple[int, int]


def _add(a: Point, b: Point) -> Point:
    (x, y), (u, v) = a, b
    product = _D * x * u * y * v
    return (x * v + y * u) * pow(1 + product, -1, _P) % _P, (y * v + x * u) * pow(1 - product, -1, _P) % _P


def _times(factor: int, point: Point) -> Point:
    found = (0, 1)
    for bit in f"{factor:b}":
        found = _add(_add(found, found), point) if bit == "1" else _add(found, found)
    return found


def _point(raw: bytes) -> Point:
    y = int.from_bytes(raw, "little") & (1 << 255) - 1
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    x = x if x * x % _P == square else x * pow(2, (_P - 1) // 4, _P) % _P
    if x * x % _P != square or y >= _P:
        raise ValueError("not a point of the curve")
    return (x if x & 1 == raw[31] >> 7 else -x % _P), y


def _is_signed(key: bytes, text: bytes, signature: bytes) -> bool:
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= _Q:
        return False
    factor = int.from_bytes(sha512(signature[:32] + key + text).digest(), "little") % _Q
    base = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    return _times(s, base) == _add(_point(signature[:32]), _times(factor, _point(key)))


def main() -> int:
    """Check, and print the result."""
    parser = argparse.ArgumentParser(description="Verifies a sealed audit trail.")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--archive", type=Path, help="folder with the files of audit archive")
    place.add_argument("--url", help="connection URL of the database")
    for name, help in (("--anchor", "anchor that was kept elsewhere"), ("--key", "its public key")):
        parser.add_argument(name, type=Path, help=help)
    chosen = parser.parse_args()
    check = Check()
    anchor = read_anchor(chosen.anchor.read_text("utf-8"), chosen.key.read_text("utf-8")) if chosen.anchor else None
    log = from_archive(chosen.archive, check) if chosen.archive else from_database(chosen.url, check)
    if anchor and anchor[0] != f"chatschema/audit/{log}":
        check.say("the anchor is about another trail")
    elif anchor:
        check.anchor(anchor[1])
    for id in sorted(check.blank - check.named):
        # The entry that names it may be newer than the files.
        tell = check.say if chosen.url else print
        tell(f"entry {id}: its personal data is gone, and no erasure names it")
    if check.only_archived:
        print(f"{check.only_archived} entries are only in archives: check those with --archive")
    print(f"{len(check.hashes)} seals, {check.entries} entries, {check.wrong} wrong")
    return 3 if check.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
