"""Reading YAML: one safe reader for every file, whose faults name file and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from pipeline.schema import InputError

MOST_BYTES: Final = 2**20
MOST_VALUES: Final = 100_000
DEEPEST: Final = 40
# libyaml's parser where PyYAML was built with it; both give the same events.
PARSER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LETTERS_SHOWN: Final = 40


class YamlFault(InputError):
    """A YAML file that cannot be used.

    Attributes
    ----------
    line : int or None
        Counted from 1; None when the fault is the whole file's.
    problem : str
        What is wrong, without the file's name.
    """

    def __init__(self, path: Path, problem: str, line: int | None = None) -> None:
        self.line, self.problem = line, problem
        super().__init__(f"{path}{'' if line is None else f', line {line}'}: {problem}")


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Plain YAML 1.1 and nothing more: a key written twice, an anchor, alias, merge or tag, and a scalar that
    looks like a date or a number and is none are faults rather than silent choices; size, depth and number
    of values are bounded, so that no file takes memory or time out of proportion to its own length.

    Raises
    ------
    YamlFault
        Naming the file and the line.
    """
    path = Path(path)
    text = _text(path)
    try:
        content = _Document(path).read(yaml.parse(text, Loader=PARSER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"not valid YAML: {error.problem or error.context}"
        raise YamlFault(path, problem, None if mark is None else mark.line + 1) from None
    except yaml.reader.ReaderError as error:
        problem = f"not valid YAML: the character {chr(error.character)!r} is not allowed"
        raise YamlFault(path, problem, text.count("\n", 0, error.position) + 1) from None
    if content is None:
        raise YamlFault(path, "the file is empty; it must hold 'key: value' lines")
    if not isinstance(content, dict):
        raise YamlFault(path, f"must hold 'key: value' lines. Got a {type(content).__name__} instead")
    return content


def _text(path: Path) -> str:
    if path.is_dir():
        raise YamlFault(path, "is a folder, not a YAML file")
    try:
        if path.exists() and not path.is_file():
            raise YamlFault(path, "cannot be read: it is a device or a pipe, not a file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise YamlFault(path, "cannot be read: there is no such file") from None
    except OSError as error:
        raise YamlFault(path, f"cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise YamlFault(path, f"is larger than {MOST_BYTES // 2**20} MiB, which no YAML file of ours is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlFault(path, f"not a text file in UTF-8 (byte {error.start})", line) from None


class _Scalars(yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    """What YAML 1.1 makes of the text of one scalar."""

    def __init__(self) -> None:
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)

    def value(self, event: yaml.ScalarEvent) -> Any:
        tag = self.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        if tag == self.DEFAULT_SCALAR_TAG:
            return event.value
        return self.construct_object(yaml.ScalarNode(tag, event.value))


_NO_KEY: Final = object()


@dataclass
class _Open:
    """A mapping or list whose end has not come yet."""

    content: dict[Any, Any] | list[Any]
    key: Any = field(default=_NO_KEY)


class _Document:
    """Values made of the parser's events, without recursion, so that no depth can exhaust the stack."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._scalars = _Scalars()
        self._open: list[_Open] = []
        self._values = self._documents = 0
        self._whole: Any = None

    def read(self, events: Iterator[Any]) -> Any:
        for event in events:
            line = event.start_mark.line + 1
            match event:
                case yaml.AliasEvent():
                    raise YamlFault(self._path, f"aliases (*{event.anchor}) are not read; write it out", line)
                case yaml.ScalarEvent():
                    self._refuse_extras(event, line)
                    self._put(self._scalar(event, line), line)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._refuse_extras(event, line)
                    if len(self._open) == DEEPEST:
                        raise YamlFault(self._path, f"is nested more than {DEEPEST} levels deep", line)
                    self._open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else []))
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._put(self._open.pop().content, line)
                case yaml.DocumentStartEvent():
                    self._documents += 1
                    if self._documents > 1:
                        raise YamlFault(self._path, "a second document (---) begins; give one a file", line)
        return self._whole

    def _refuse_extras(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            raise YamlFault(self._path, f"anchors (&{event.anchor}) are not read; leave it out", line)
        if event.tag is not None:
            raise YamlFault(self._path, f"tags ({event.tag}) are not read; leave it out", line)
        self._values += 1
        if self._values > MOST_VALUES:
            raise YamlFault(self._path, f"holds more than {MOST_VALUES:,} values", line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Any:
        try:
            return self._scalars.value(event)
        except (ValueError, OverflowError, yaml.YAMLError):
            # 2020-13-45 looks like a date; = and << have meanings that nothing here gives them.
            shown = event.value[:LETTERS_SHOWN]
            problem = f"{shown!r} is no valid value; put it in quotes if it is a text"
            raise YamlFault(self._path, problem, line) from None

    def _put(self, value: Any, line: int) -> None:
        if not self._open:
            self._whole = value
            return
        parent = self._open[-1]
        if isinstance(parent.content, list):
            parent.content.append(value)
        elif parent.key is not _NO_KEY:
            parent.content[parent.key], parent.key = value, _NO_KEY
        elif isinstance(value, list | dict):
            raise YamlFault(self._path, "not valid YAML: a key must be a word", line)
        elif value in parent.content:
            raise YamlFault(self._path, f"not valid YAML: key {value!r} stands twice", line)
        else:
            parent.key = value
