"""Keys that sign anchors: Ed25519, in the files and with the signatures of C2SP signed notes."""

import base64
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from chatschema.errors import ChatschemaError, ExitCode, UsageError

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY"


class NotGenuine(ChatschemaError):
    """A signature, an anchor or a proof is not what it has to be."""

    exit_code = ExitCode.FINDINGS


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that checks signatures, and its name."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """The 4 bytes by which a signature names its key."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:4]

    def text(self) -> str:
        """Return the line of its file."""
        return f"{self.name}+{self.id.hex()}+{_base64(_ED25519 + self.key)}"

    def check(self, signature: bytes, text: bytes) -> None:
        """Raise NotGenuine unless the private key made this signature of `text`."""
        from nacl.exceptions import BadSignatureError
        from nacl.signing import VerifyKey

        try:
            VerifyKey(self.key).verify(text, signature)
        except (BadSignatureError, ValueError):
            raise NotGenuine(f"the signature of {self.name} does not fit the text", code="audit.signature") from None


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs, and its name."""

    name: str
    seed: bytes = field(repr=False)

    def public(self) -> PublicKey:
        """Return the key that checks its signatures."""
        from nacl.signing import SigningKey

        return PublicKey(self.name, bytes(SigningKey(self.seed).verify_key))

    def text(self) -> str:
        """Return the line of its file."""
        return f"{_PRIVATE}+{self.name}+{self.public().id.hex()}+{_base64(_ED25519 + self.seed)}"

    def sign(self, text: bytes) -> bytes:
        """Return its signature of `text`, 64 bytes."""
        from nacl.signing import SigningKey

        return bytes(SigningKey(self.seed).sign(text).signature)


def create(path: Path, name: str) -> PublicKey:
    """Write a new private key to `path`, readable by nobody else, and its public key to `path`.pub.

    Raises UsageError for a name with blanks or +, and if one of the files exists; OSError.
    """
    if not name or any(not c.isprintable() or c.isspace() or c == "+" for c in name):
        raise UsageError(
            f"{name!r} cannot name a key", "a name has no blanks and no +, for example audit.example.com", code="audit.key-name"
        )
    public_path = path.with_name(path.name + ".pub")
    for file in (path, public_path):
        if file.exists():
            raise UsageError(f"{file} exists; no key was created", "choose another name: --out FILE", code="audit.key-exists")
    private = PrivateKey(name, os.urandom(32))
    _write(path, private.text(), 0o600)
    _write(public_path, private.public().text(), 0o644)
    return private.public()


def _write(path: Path, line: str, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w") as file:
        # Whatever the umask is.
        os.fchmod(file.fileno(), mode)
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> PrivateKey:
    """Return the key in a file. Raises UsageError for a file that others may read, or that is no private key; OSError."""
    mode = path.stat().st_mode & 0o077
    if mode:
        raise UsageError(f"{path} can be read by others", f"chmod 600 {path}", code="audit.key-mode")
    line = path.read_text("utf-8", errors="replace").strip()
    try:
        prefix, kind, name, id, encoded = line.split("+", 4)
        secret = base64.b64decode(encoded, validate=True)
        key = PrivateKey(name, secret[1:])
        if f"{prefix}+{kind}" == _PRIVATE and secret[:1] == _ED25519 and len(secret) == 33 and key.public().id.hex() == id:
            return key
    except ValueError:
        pass
    raise UsageError(f"{path} is no private key", "create one: chatschema audit key --out FILE", code="audit.key-syntax")


def read_public(path: Path) -> PublicKey:
    """Return the public key in a file. Raises UsageError for other text; OSError."""
    line = path.read_text("utf-8", errors="replace").strip()
    try:
        name, id, encoded = line.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        key = PublicKey(name, raw[1:])
        if raw[:1] == _ED25519 and len(raw) == 33 and key.id.hex() == id:
            return key
    except ValueError:
        pass
    hint = "the public key is in the file that ends with .pub" if line.startswith(_PRIVATE) else "see: chatschema audit key --help"
    raise UsageError(f"{path} is no public key", hint, code="audit.key-syntax")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
