"""Which hosts a list lets through."""

import ipaddress
from collections.abc import Iterable
from fnmatch import fnmatchcase


def plain_host(host: str) -> str:
    """A host as lists name it: lower case, ASCII, without a dot at its end, a port or brackets.

    A number is the address that it stands for, in whatever base.
    """
    name = host.strip().lower().rstrip(".")
    if name.startswith("["):
        return name[1:].partition("]")[0]
    if name.count(":") == 1:
        name = name.partition(":")[0].rstrip(".")
    try:
        name = name.encode("idna").decode("ascii")
    except UnicodeError:
        return name
    return _address(name) or name


def _address(name: str) -> str | None:
    """What `inet_aton` makes of a host that is numbers: ``0x7f.1`` is 127.0.0.1."""
    parts = name.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    values = []
    for part in parts:
        try:
            octal = len(part) > 1 and part.startswith("0") and part.isdigit()
            values.append(int(part, 8) if octal else int(part, 0))
        except ValueError:
            return None
    *heads, tail = values
    if any(not 0 <= v < 256 for v in heads) or not 0 <= tail < 256 ** (5 - len(values)):
        return None
    number = sum(v << (8 * (3 - n)) for n, v in enumerate(heads)) + tail
    return str(ipaddress.IPv4Address(number))


def host_allowed(host: str, allowed: Iterable[str]) -> bool:
    """Whether one of the names or patterns fits; ``*.corp.example`` does not fit ``corp.example``."""
    name = plain_host(host)
    return any(fnmatchcase(name, pattern.lower().rstrip(".")) for pattern in allowed)
