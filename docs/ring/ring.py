"""Which HMAC keys of a tenant are live and which one signs: ../ring.md in Python.

    python3 ring.py vectors.json        runs the test vectors

Copy what is above "The vectors" into your program. It needs Python 3.9 and nothing
else. Where ring.md numbers a line, the comment here has the same number.
"""

import base64
import hashlib
import hmac
import json
import re
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Optional

MAX_LIVE = 8
FOREIGN_GRACE = timedelta(hours=24)


class Malformed(Exception):
    """The document cannot be used. The text never quotes it."""


class WrongTenant(Exception):
    """The document is another tenant's."""


class Suspended(Exception):
    """The tenant is suspended."""


class NoKey(Exception):
    """No key is live."""


@dataclass
class Key:
    secret: bytes
    kid: str
    sign_after: Optional[datetime]  # None: it may sign at once
    not_after: Optional[datetime]  # None: it has no end
    written: str = ""  # the kid in its document, which line 6 may change in kid


@dataclass
class Version:
    """A version of the secret, as GetSecretValue answers."""

    id: str
    created: datetime
    document: str


@dataclass
class Document:
    tenant: str
    base: str
    keys: list  # the newest first
    revoked: list
    suspended: bool


def decode(version: Version) -> Document:  # lines 2 and 3
    try:
        document = json.loads(version.document)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON") from None
    if not isinstance(document, dict):
        raise Malformed("it is not an object")
    if not is_version_1(document.get("version")):
        raise Malformed("its version is not 1.x")
    text(document, "created_at", required=True)
    state = text(document, "state") if "state" in document else "active"
    if state not in ("active", "suspended"):
        raise Malformed("its state is unknown")
    keys = [decode_key(document)]
    keys[0].kid = keys[0].kid or version.id
    for entry in array(document, "previous"):
        if not isinstance(entry, dict):
            raise Malformed("a previous key is not an object")
        keys.append(decode_key(entry))
        if not keys[-1].kid:
            raise Malformed("a previous key has no kid")
    for key in keys:
        key.written = key.kid
    revoked = array(document, "revoked")
    if not all(isinstance(kid, str) and kid for kid in revoked):
        raise Malformed("a revoked kid is not one")
    tenant = text(document, "tenant_id", required=True)
    return Document(tenant, text(document, "base"), keys, revoked, state == "suspended")


def is_version_1(version) -> bool:
    """The number 1, as Terraform's jsonencode writes 1.0, is "1.0". True is no number."""
    if isinstance(version, str):
        return re.fullmatch(r"1\.[0-9]{1,9}", version) is not None
    return isinstance(version, (int, float)) and not isinstance(version, bool) and version == 1


def text(members: dict, name: str, required: bool = False) -> str:
    value = members.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise Malformed(f"{name} is missing or not a string")
    return value


def array(members: dict, name: str) -> list:
    value = members.get(name, [])
    if not isinstance(value, list):
        raise Malformed(f"{name} is not an array")
    return value


def decode_key(members: dict) -> Key:
    encoding = text(members, "encoding", required="encoding" in members)
    secret = decode_secret(text(members, "shared_secret", required=True), encoding)
    if not 16 <= len(secret) <= 128:
        raise Malformed("a key has 16 to 128 bytes")
    instant(members, "created_at")
    return Key(secret, text(members, "kid"), instant(members, "sign_after"), instant(members, "not_after"))


def decode_secret(secret: str, encoding: str) -> bytes:
    """Refuses what the encoding would not have written, but for absent padding."""
    try:
        if encoding == "":
            return secret.encode()
        if encoding == "hex":
            key, forms = bytes.fromhex(secret), [bytes.fromhex(secret).hex()]
        elif encoding in ("base64", "base64url", "whsec"):
            start, alphabet = ("whsec_" if encoding == "whsec" else ""), (b"-_" if encoding == "base64url" else b"+/")
            if not secret.startswith(start):
                raise ValueError
            bare = secret[len(start) :].rstrip("=")
            key = base64.b64decode(bare + "=" * (-len(bare) % 4), alphabet)
            padded = start + base64.b64encode(key, alphabet).decode()
            forms = [padded, padded.rstrip("=")]
        else:
            raise ValueError
    except ValueError:  # of which UnicodeEncodeError and binascii.Error are kinds
        raise Malformed("a key is not in its encoding") from None
    if secret not in forms:
        raise Malformed("a key is not in its encoding")
    return key


INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))?"
)


def instant(members: dict, name: str) -> Optional[datetime]:
    return parse_instant(text(members, name, required=True)) if name in members else None


def parse_instant(written: str) -> datetime:
    """Reads an RFC 3339 time; without a zone it is UTC. It is cut to microseconds."""
    parts = INSTANT.fullmatch(written)
    if not parts:
        raise Malformed("a time is not RFC 3339")
    seconds, fraction, sign, hours, minutes = parts.groups()
    try:
        at = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
        at += timedelta(microseconds=int(((fraction or "") + "000000")[:6]))
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            at += offset if sign == "-" else -offset
    except (ValueError, OverflowError):
        raise Malformed("a time is not RFC 3339") from None
    return at


def ring(tenant: str, current: Version, previous: Optional[Version], last_changed: Optional[datetime]) -> list:
    """Returns the keys in the order in which they are tried, those to come and those
    that have ended among them. previous is the version labelled AWSPREVIOUS."""
    document = decode(current)  # line 2
    if document.tenant != tenant:  # line 3
        raise WrongTenant
    if document.suspended:
        raise Suspended
    keys, revoked, foreign = document.keys, list(document.revoked), []
    if previous and previous.id not in (current.id, document.base):  # line 4
        try:
            before = decode(previous)
        except Malformed:
            before = None
        if before:
            revoked += before.revoked
            if before.tenant == tenant:
                foreign = before.keys
    for key in foreign:
        end = (last_changed or current.created) + FOREIGN_GRACE  # line 5
        key.not_after = min(key.not_after or end, end)
        for i, own in enumerate(keys):  # line 6
            if own.written != key.written or own.secret == key.secret:
                continue
            if key.written != previous.id:
                key.kid = previous.id
            elif i == 0:
                own.kid = current.id
    keys = keys + foreign
    dropped = {key.secret for key in keys if key.kid in revoked or key.written in revoked}  # line 7
    accepted = []
    for key in keys:
        if key.secret not in dropped:
            dropped.add(key.secret)  # line 8
            accepted.append(key)
    return accepted


def live_keys(keys: list, at: datetime) -> list:  # lines 9 and 10
    live = [key for key in keys if key.not_after is None or at < key.not_after][:MAX_LIVE]
    if not live:
        raise NoKey
    return live


def signing_key(live: list, at: datetime) -> Optional[Key]:  # line 11
    return next((key for key in live if key.sign_after is None or key.sign_after <= at), None)


def mac(key: Key, message: bytes) -> bytes:
    return hmac.new(key.secret, message, hashlib.sha256).digest()


def verify(live: list, message: bytes, tag: bytes) -> bool:  # line 13
    return any([hmac.compare_digest(mac(key, message), tag) for key in live])  # a list: all are tried


# The vectors.


def version(of: Optional[dict]) -> Optional[Version]:
    return of and Version(of["id"], parse_instant(of["created"]), of["document"])


def answer(vector: dict, message: bytes) -> dict:
    at, changed = parse_instant(vector["at"]), vector["last_changed"]
    failure = {Malformed: "malformed", WrongTenant: "wrong_tenant", Suspended: "suspended", NoKey: "no_key"}
    try:
        keys = ring(
            vector["tenant"], version(vector["current"]), version(vector["previous"]), changed and parse_instant(changed)
        )
        live = live_keys(keys, at)
    except tuple(failure) as e:
        return {"failure": failure[type(e)], "live": [], "signing": None}
    signing = signing_key(live, at)
    if not all(verify(live, message, mac(key, message)) for key in live) or verify(live, message, bytes(32)):
        raise AssertionError("verify does not agree with mac")
    return {
        "failure": None,
        "live": [{"kid": key.kid, "hmac": mac(key, message).hex()} for key in live],
        "signing": signing and signing.kid,
    }


def main(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    differ = 0
    for vector in vectors["vectors"]:
        got = answer(vector, vectors["message"].encode())
        for member in ("failure", "live", "signing"):
            if got[member] != vector[member]:
                print(f"{vector['name']}: {member} is {got[member]}, want {vector[member]}", file=sys.stderr)
                differ = 1
    if not vectors["vectors"]:
        print("no vectors", file=sys.stderr)
        return 1
    if not differ:
        print(f"{len(vectors['vectors'])} vectors hold")
    return differ


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
