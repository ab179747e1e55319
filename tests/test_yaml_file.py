"""The one YAML reader: the same values as PyYAML's for every shipped file, and a line for every fault."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
import yaml

from pipeline.schema import InputError
from pipeline.yaml_file import DEEPEST, MOST_BYTES, MOST_VALUES, YamlFault, read_yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "synthetic_data", "experiments")
SHIPPED = sorted(p for top in (*PACKAGES, "configs") for p in (ROOT / top).rglob("*.yaml"))
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "mine.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def fault(path: Path) -> YamlFault:
    with pytest.raises(YamlFault) as caught:
        read_yaml(path)
    assert isinstance(caught.value, InputError)
    assert str(caught.value).startswith(str(path))
    return caught.value


def test_every_shipped_file_is_read_as_pyyaml_reads_it() -> None:
    assert len(SHIPPED) > 200
    for path in SHIPPED:
        assert read_yaml(path) == yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader), path


def test_every_kind_of_scalar_is_read_as_pyyaml_reads_it(tmp_path: Path) -> None:
    text = (
        "a: 1\nb: 1.5e+3\nc: yes\nd: null\ne: ~\nf: 2020-02-29\ng: 0x1f\nh: .nan\ni: 'no'\nj: -.inf\n"
        "k: |\n  two\n  lines\nl: >-\n  folded\n  line\n? m\n: [1, {n: o}, []]\n7: {}\np:\n2020-01-01: q\n"
        "r: 2001-12-14t21:59:43.10-05:00\ns: 1_000\nt: 0b101\nu: \"\\u00e9\"\nv: 'é'\n"
    )
    # By repr, for not a number is not equal to itself.
    assert repr(read_yaml(write(tmp_path, text))) == repr(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' stands twice"),
        ("x:\n  - {b: 1, b: 2}\n", 2, "key 'b' stands twice"),
        ("1: a\ntrue: b\n", 2, "stands twice"),
        (LAUGHS, 1, "anchors (&a) are not read"),
        ("a: 1\nb: *a\n", 2, "aliases (*a) are not read"),
        ("a: &a {b: 1}\nc: {<<: *a}\n", 1, "anchors"),
        ("a: 1\n<<: {b: 1}\n", 2, "'<<' is no valid value"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tags (tag:yaml.org,2002:python/object"),
        ("a: !!binary aGVsbG8=\n", 1, "tags"),
        ("a: !mine x\n", 1, "tags (!mine)"),
        ("a: 1\nb: 2020-13-45\n", 2, "'2020-13-45' is no valid value; put it in quotes"),
        ("a: 2001-01-01T00:00:00+99:99\n", 1, "no valid value"),
        ("a: 2001-01-01T25:00:00Z\n", 1, "no valid value"),
        (f"a: {'9' * 5000}\n", 1, "no valid value"),
        ("a: =\n", 1, "'=' is no valid value"),
        ("a: 0b_\n", 1, "no valid value"),
        ("a: [1\nb: 2\n", 2, "not valid YAML"),
        ("a: 'x\n", 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: c: d\n", 2, "not valid YAML"),
        ("a: 1\nb: \x00\n", 2, "not allowed"),
        ("a: 1\n---\nb: 1\n", 2, "a second document"),
        ("? [1, 2]\n: 3\n", 1, "a key must be a word"),
        ("a: " + "[" * (DEEPEST + 1) + "\n", 1, "levels deep"),
        ("a: " + "[" * 500_000, 1, "levels deep"),
        ("- " * 200_000, 1, "levels deep"),
        ("a: " + "{b: " * 100_000, 1, "levels deep"),
        ("a: [" + "1," * (MOST_VALUES + 1) + "]", 1, f"more than {MOST_VALUES:,} values"),
        ("", None, "the file is empty"),
        ("# nothing\n", None, "the file is empty"),
        ("- 1\n", None, "Got a list instead"),
        ("word\n", None, "Got a str instead"),
        (b"a: 1\nb: \xff\xfe\n", 2, "not a text file in UTF-8 (byte 8)"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", 1, "not"),
        (b"a: 1\n" * (MOST_BYTES // 5 + 1), None, "is larger than 1 MiB"),
    ],
)
def test_a_fault_names_file_and_line(
    tmp_path: Path, text: str | bytes, line: int | None, said: str
) -> None:
    found = fault(write(tmp_path, text))
    assert said in found.problem
    assert found.line == line
    assert len(str(found)) < 400


def test_the_deepest_that_is_read_is_read(tmp_path: Path) -> None:
    inner = "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)
    assert read_yaml(write(tmp_path, f"a: {inner}\n"))["a"] == yaml.safe_load(inner)


def test_a_mark_of_byte_order_and_windows_line_ends_are_no_fault(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")) == {"a": 1, "b": 2}


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    assert "is a folder" in fault(tmp_path).problem
    assert "there is no such file" in fault(tmp_path / "none.yaml").problem
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "a device or a pipe" in fault(tmp_path / "pipe.yaml").problem


def loads(path: Path) -> list[int]:
    """Lines of a module on which PyYAML is made to read."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            name = called.attr
            if called.value.id == "yaml" and ("load" in name or name in ("parse", "scan", "compose")):
                lines.append(called.lineno)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "yaml":
            lines.append(node.lineno)
    return lines


def test_nobody_else_reads_yaml() -> None:
    modules = [p for package in PACKAGES for p in (ROOT / package).rglob("*.py")]
    found = {p.relative_to(ROOT).as_posix(): loads(p) for p in modules}
    assert [name for name, lines in found.items() if lines] == ["pipeline/yaml_file.py"], found


def test_the_test_above_sees_a_reader(tmp_path: Path) -> None:
    module = tmp_path / "reader.py"
    module.write_text("import yaml\nfrom yaml import load\nyaml.safe_load('a')\nyaml.safe_dump({})\n")
    assert sorted(loads(module)) == [2, 3]
