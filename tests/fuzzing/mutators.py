"""Ways to spoil an input: blindly, and in notations of which a parser would not look past the first spoilt byte."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any, Final

import rlp

Json = Any
"""Any value of JSON."""

_BYTES: Final = (0, 1, 0x1F, 0x20, 0x22, 0x2B, 0x5B, 0x5C, 0x7B, 0x7F, 0x80, 0xB7, 0xB8, 0xC0, 0xF7, 0xF8, 0xFE, 0xFF)
_NUMBERS: Final = (0, 1, 2, 31, 32, 33, 55, 56, 64, 127, 128, 255, 256, 2**16, 2**31, 2**32, 2**48, 2**53, 2**63, 2**64)
_WORD: Final = 32
_WORDS: Final = (*_NUMBERS, 2**255, 2**256 - 1, 2**256 - 32, 2**160)
_TEXTS: Final = (
    *(
        "",
        "0",
        "-1",
        "1.5",
        "1e999",
        "0x",
        "0x0",
        "0xzz",
        "0x" + "00" * 32,
        "0x" + "FF" * 20,
        "\0",
        "\ud800",
        "\n",
        "é",
    ),
    *("9" * 400, "x" * 3000, "\u0661", "1_000", " 1", "+1", "2147483648", "true", "[]", "{}", "—"),
)
_DEPTHS: Final = (65, 400, 30_000)
_TOO_DEEP: Final = b"[" * 300
_DIGITS: Final = re.compile(rb"[0-9]+")


def _at(content: bytes, random: Random) -> int:
    return random.randrange(len(content)) if content else 0


def _flip(content: bytes, random: Random) -> bytes:
    at = _at(content, random)
    return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :] if content else b"\0"


def _set(content: bytes, random: Random) -> bytes:
    at = _at(content, random)
    return content[:at] + bytes([random.choice(_BYTES)]) + content[at + 1 :]


def _insert(content: bytes, random: Random) -> bytes:
    at = random.randint(0, len(content))
    return content[:at] + random.randbytes(random.choice((1, 1, 2, 4, 33))) + content[at:]


def _drop(content: bytes, random: Random) -> bytes:
    at = _at(content, random)
    return content[:at] + content[at + random.choice((1, 1, 2, 4, 32, 100)) :]


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randint(0, len(content))]


def _copy(content: bytes, random: Random) -> bytes:
    start, to = _at(content, random), random.randint(0, len(content))
    return content[:to] + content[start : start + random.choice((1, 4, 32, 64, 300))] + content[to:]


def _repeat(content: bytes, random: Random) -> bytes:
    start = _at(content, random)
    return (
        content[:start]
        + content[start : start + random.choice((1, 2, 8))] * random.choice((3, 40, 500))
        + content[start:]
    )


def _number(content: bytes, random: Random) -> bytes:
    found = [*_DIGITS.finditer(content)]
    if not found:
        return _set(content, random)
    one = random.choice(found)
    return content[: one.start()] + str(random.choice(_NUMBERS)).encode() + content[one.end() :]


_BLIND: Final = (_flip, _flip, _set, _insert, _drop, _cut, _copy, _repeat, _number)


def blindly(content: bytes, random: Random) -> bytes:
    """Spoils bytes without knowing what they are, in one to four places."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = random.choice(_BLIND)(content, random)
    return content


def _places(value: Json, holder: Json = None, name: Json = None) -> Iterator[tuple[Json, Json]]:
    """Gives what holds each value of a document, and under which name."""
    if holder is not None:
        yield holder, name
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for inner, each in list(pairs):
        yield from _places(each, value, inner)


def _other_text(text: str, random: Random) -> str:
    choice = random.randrange(4)
    if choice == 0 and len(text) > 2:
        at = random.randrange(len(text))
        return text[:at] + random.choice('0123456789abcdefABCDEF+/=\n "xX-') + text[at + 1 :]
    if choice == 1:
        return text[: random.randint(0, len(text))]
    if choice == 2:
        return text + text[-random.randint(1, 8) :]
    return random.choice(_TEXTS)


def _other_value(value: Json, random: Random) -> Json:
    """Gives a value to be put in place of one, of the same kind as a rule."""
    if isinstance(value, str) and random.random() < 0.7:
        return _other_text(value, random)
    if isinstance(value, int) and random.random() < 0.5:
        return random.choice((value + 1, value - 1, -value, value ^ 1, 10 * value))
    made: tuple[Callable[[], Json], ...] = (
        lambda: None,
        lambda: random.choice((True, False)),
        lambda: random.choice(_NUMBERS) * random.choice((1, 1, -1)),
        lambda: random.choice((0.5, 1e308, float("inf"), float("-inf"), float("nan"), -0.0)),
        lambda: 10 ** random.choice((20, 80, 400)),
        lambda: random.choice(_TEXTS),
        list,
        dict,
        lambda: [value],
        lambda: {"value": value},
    )
    return random.choice(made)()


def _change(document: Json, random: Random) -> None:
    places = [*_places(document)]
    if not places:
        return
    holder, name = random.choice(places)
    choice = random.randrange(6)
    if choice == 0:
        del holder[name]
    elif choice == 1 and isinstance(holder, list):
        holder.insert(name, holder[name])
    elif choice == 1:
        holder[random.choice(("", "note", "format", "\ud800", "z"))] = holder[name]
    elif choice == 2:
        other, other_name = random.choice(places)
        with suppress(KeyError, IndexError):
            holder[name] = deepcopy(other[other_name])  # it may hold the place itself
    else:
        holder[name] = _other_value(holder[name], random)


def _written(document: Json, random: Random) -> bytes:
    choice = random.randrange(12)
    if choice == 0:
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    if choice == 1:
        return json.dumps(document, indent=1).encode()
    if choice == 2:
        depth = random.choice(_DEPTHS)
        return b"[" * depth + json.dumps(document).encode() + b"]" * depth
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("Infinity", "1e999").encode("utf-8", "surrogatepass")


def as_json(content: bytes, random: Random) -> bytes:
    """Changes values and members of a JSON document, which stays one; mostly in the canonical form."""
    if _TOO_DEEP in content:
        return blindly(content, random)  # what the parser must not do, this one may not either
    try:
        document = json.loads(content)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            _change(document, random)
        return _written(document, random)
    except (ValueError, RecursionError):
        return blindly(content, random)


def _changed_tree(tree: Json, random: Random, depth: int = 0) -> Json:
    if not isinstance(tree, list):
        return random.choice(
            (b"", b"\0", b"\x01", tree[:-1], tree + b"\0", b"\0" + tree, [tree], [], blindly(tree, random))
        )
    if not tree or random.random() < 0.2:
        return random.choice((b"", [*tree, b"\x01"], [*tree, []], [tree], [*tree, *tree[:1]], tree[:-1], tree[1:]))
    at = random.randrange(len(tree))
    return [*tree[:at], _changed_tree(tree[at], random, depth + 1), *tree[at + 1 :]]


def as_rlp(content: bytes, random: Random) -> bytes:
    """Changes items of an RLP structure, which stays one."""
    try:
        tree: Json = rlp.decode(content, strict=True)
        for _ in range(random.choice((1, 1, 2))):
            tree = _changed_tree(tree, random)
        return bytes(rlp.encode(tree))
    except (rlp.exceptions.RLPException, ValueError, TypeError, RecursionError, IndexError):
        return blindly(content, random)


def _other_line(line: bytes, random: Random) -> bytes:
    choice = random.randrange(5)
    if choice == 0:
        return base64.b64encode(random.randbytes(random.choice((0, 1, 31, 32, 33, 68, 76))))
    if choice == 1:
        return _number(line, random)
    if choice == 2:
        return b""
    if choice == 3:
        return random.choice(_TEXTS).encode("utf-8", "surrogatepass")
    return blindly(line, random)


def as_lines(content: bytes, random: Random) -> bytes:
    """Changes, drops, doubles and swaps lines of a text."""
    lines = content.split(b"\n")
    for _ in range(random.choice((1, 1, 2))):
        at, choice = random.randrange(len(lines)), random.randrange(6)
        if choice == 0 and len(lines) > 1:
            del lines[at]
        elif choice == 1:
            lines[at:at] = [lines[at]] * random.choice((1, 1, 70, 120))
        elif choice == 2:
            other = random.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = _other_line(lines[at], random)
    return b"\n".join(lines)


def as_words(content: bytes, random: Random) -> bytes:
    """Changes words of 32 bytes, as the contract ABI has them; four bytes in front may be a selector."""
    head = len(content) % _WORD
    words = [content[at : at + _WORD] for at in range(head, len(content), _WORD)]
    if not words:
        return blindly(content, random)
    for _ in range(random.choice((1, 1, 2, 3))):
        at, choice = random.randrange(len(words)), random.randrange(5)
        if choice == 0 and len(words) > 1:
            del words[at]
        elif choice == 1:
            words[at:at] = words[at : at + random.choice((1, 2, 8))]
        elif choice == 2:
            words[at] = random.choice(words)
        else:
            near = random.choice((*_WORDS, len(content), len(words) * _WORD, random.randrange(4096)))
            words[at] = (near % 2**256).to_bytes(_WORD, "big")
    return content[:head] + b"".join(words)


def packed(*parts: bytes) -> bytes:
    """Joins several inputs to one, each behind its length in two bytes."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def unpacked(content: bytes) -> list[bytes]:
    """Takes apart what was joined; whatever is given, it gives some parts."""
    parts, at = [], 0
    while at + 2 <= len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        parts.append(content[at + 2 : end])
        at = end
    return parts


def padded(parts: list[bytes], count: int) -> list[bytes]:
    """Gives so many parts at least; those that are missing are empty."""
    return parts + [b""] * (count - len(parts))


def in_parts(mutate: Callable[[bytes, Random], bytes]) -> Callable[[bytes, Random], bytes]:
    """Gives a mutator of one part of several that are joined; sometimes a part is dropped, doubled or moved."""

    def mutated(content: bytes, random: Random) -> bytes:
        parts = unpacked(content) or [b""]
        at, choice = random.randrange(len(parts)), random.randrange(8)
        if choice == 0:
            del parts[at]
        elif choice == 1:
            parts.insert(random.randrange(len(parts) + 1), parts[at])
        else:
            parts[at] = mutate(parts[at], random)[:0xFFFF]
        return packed(*parts)

    return mutated
