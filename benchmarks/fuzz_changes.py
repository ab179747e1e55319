"""What is sound, changed: values nobody should write, parts left out or doubled, bytes cut and flipped."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 10**12, 10**30, -(2**63), 0.0, -0.0, 0.5, 1e-320, 1e308,
    float("nan"), float("inf"), float("-inf"), "", " ", "x", "\n", "nan", "1e999", "=", "<<", "~", "NULL",
    "a/b", "../../x", "/", "~nobody/x", "C:\\x", "os", "pfs", "keynote_189", "KEYNOTE-189", "poplar", "cox",
    "\x00", "\u202e\u0661\u00bd", "\U0001f642" * 3, "9" * 400, "x" * 5000, "2020-13-45", "{{ x }}", "[bold]",
    [], [None], [[]], [1, 1], ["x", "x"], {}, {"x": 1}, {"": None}, {1: 2},
)  # fmt: skip
TOKENS = (
    b"&a ", b"*a", b"<<: ", b"!!python/object/apply:os.system ", b"! ", b"? ", b": ", b"- ", b"\t", b"[",
    b"]", b"{", b"}", b"'", b'"', b"|\n", b">\n", b"#", b"\x00", b"\xff", b"\xef\xbb\xbf", b"---\n", b"...\n",
    b"%YAML 1.3\n", b"@", b"`", b"\n", b"\r", b",", b";", b"=", b"\x1b[31m", b"1e999", b"2020-13-45",
    b"[" * 300, b"- " * 300, b"{a: " * 300, b"9" * 5000, b"\xe2\x80\xa8",
)  # fmt: skip


def hostile() -> st.SearchStrategy[Any]:
    """Values that nobody should write, and some that somebody will."""
    listed = st.sampled_from(HOSTILE).map(copy.deepcopy)
    simple = st.one_of(listed, st.integers(), st.floats(), st.text(max_size=12))
    nested = st.recursive(
        simple,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
        ),
        max_leaves=6,
    )
    return st.one_of(simple, simple, nested)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key or position in JSON-like content."""
    for key in [*content] if isinstance(content, dict) else range(len(content)):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])


@st.composite
def changed(draw: st.DrawFn, content: Any) -> Any:
    """Draw the content with one to three of its parts changed, left out, added, renamed or doubled."""
    made = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(made))
        if not places:
            return made
        inside, key = places[draw(st.integers(0, len(places) - 1))]
        old = inside[key]
        match draw(st.sampled_from(("value", "value", "number", "gone", "new", "other", "name", "twice"))):
            case "number" if isinstance(old, int | float) and not isinstance(old, bool):
                inside[key] = draw(st.sampled_from([0, -old, old * 10**9, old + 0.5, old * 1e-9, str(old)]))
            case "gone":
                del inside[key]
            case "new" if isinstance(old, dict):
                old[draw(st.text(max_size=8))] = draw(hostile())
            case "new" if isinstance(old, list):
                old.append(draw(hostile()))
            case "other":
                other, at = places[draw(st.integers(0, len(places) - 1))]
                inside[key] = copy.deepcopy(other[at])
            case "name" if isinstance(inside, dict):
                inside[draw(st.text(max_size=8))] = inside.pop(key)
            case "twice" if isinstance(old, list) and old:
                old.append(copy.deepcopy(old[0]))
            case _:
                inside[key] = draw(hostile())
    return made


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw the bytes with one to four spans cut, doubled, flipped, or something put between."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        span = draw(st.sampled_from((1, 2, 8, 40, 400)))
        match draw(st.sampled_from(("token", "token", "cut", "double", "flip", "end"))):
            case "cut":
                content = content[:at] + content[at + span :]
            case "double":
                content = content[: at + span] + content[at:]
            case "flip" if at < len(content):
                content = content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]
            case "end":
                content = content[:at]
            case _:
                content = content[:at] + draw(st.sampled_from(TOKENS)) + content[at:]
    return content


def as_yaml(content: Any) -> bytes:
    """Return the content as YAML that repeats no node by reference."""
    return bytes(yaml.dump(content, Dumper=_Plain, encoding="utf-8", allow_unicode=True, sort_keys=False))


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True
