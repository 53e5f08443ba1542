"""The YAML of a test file -> events that must be hits, and events that must not; an error names file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from ssa.language.text.errors import near_miss
from tools.content.importer.published import MAX_BYTES, ImporterError, wrong_yaml

Event = dict[str, "str | list[str]"]

KEYS = ("detection", "true", "false")
SHAPE = "expected columns and their values, such as `process_name: example.exe`"
NUMBER = re.compile(r"[0-9]{1,11}(\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Case:
    """An event, the line that it begins in, and whether it must be a hit."""

    event: Event
    line: int
    is_hit: bool


@dataclass(frozen=True)
class TestFile:
    """A test file: the detection that it names, empty where the file itself is one, and in which line."""

    file: Path
    detection: str
    line: int
    cases: tuple[Case, ...]


def read(file: Path) -> TestFile:
    """Read a test file; raises ImporterError."""
    try:
        content = file.read_bytes()
        if len(content) > MAX_BYTES:
            raise ImporterError(f"{file}: it has {len(content):,} bytes, more than {MAX_BYTES:,}: split it")
        root = yaml.compose(content, Loader=yaml.BaseLoader)
    except OSError as error:
        raise ImporterError(f"{file}: cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        raise ImporterError(f"{wrong_yaml(file, 'this is not YAML', error)}: put texts in quotes") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ImporterError(f"{file}: this is not YAML: {str(error).partition(chr(10))[0]}") from error
    return _Reader(file).test(root)


class _Reader:
    def __init__(self, file: Path) -> None:
        self.file = file

    def error(self, node: yaml.Node | None, problem: str) -> ImporterError:
        place = f", line {node.start_mark.line + 1}" if node else ""
        return ImporterError(f"{self.file}{place}: {problem}")

    def test(self, root: yaml.Node | None) -> TestFile:
        if not isinstance(root, yaml.MappingNode):
            raise self.error(root, f"a test file has the keys {', '.join(KEYS)}: `python -m tools new NAME` writes one")
        keys = {str(key.value): (key, value) for key, value in root.value}
        published = "search" in keys
        for name, (key, _) in keys.items():
            if name not in KEYS and not published:
                raise self.error(key, f"unknown key {name!r}{near_miss(name, KEYS)} Known are {', '.join(KEYS)}")
        cases = [
            case for name in ("true", "false") if name in keys for case in self.cases(keys[name][1], name == "true")
        ]
        if published and "tests" in keys:
            cases += self.stated(keys["tests"][1])
        key, value = keys.get("detection", (root, None))
        if not published and (not isinstance(value, yaml.ScalarNode) or not value.value.strip()):
            raise self.error(key, "`detection` is missing: give the name or id of a stanza of the app")
        if not cases:
            raise self.error(
                root, "no event is in it: list those that must be hits below `true:`, others below `false:`"
            )
        return TestFile(self.file, "" if published else value.value.strip(), key.start_mark.line + 1, tuple(cases))

    def cases(self, node: yaml.Node, is_hit: bool) -> list[Case]:
        """Read the events of a list."""
        if isinstance(node, yaml.ScalarNode) and not node.value:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(node, f"expected a list of events, each beginning with `- `: {SHAPE}")
        return [Case(self.event(item), item.start_mark.line + 1, is_hit) for item in node.value]

    def stated(self, node: yaml.Node) -> list[Case]:
        """Read the tests of a published file that state events and what is found in each: `event` and `hits`."""
        cases: list[Case] = []
        for item in node.value if isinstance(node, yaml.SequenceNode) else []:
            parts = {key.value: value for key, value in item.value} if isinstance(item, yaml.MappingNode) else {}
            if {"event", "hits"} <= parts.keys():
                line = item.start_mark.line + 1
                cases.append(Case(self.event(parts["event"]), line, bool(parts["hits"].value)))
        return cases

    def event(self, node: yaml.Node) -> Event:
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, SHAPE)
        event: Event = {}
        for key, value in node.value:
            event |= self.event(value) if key.value == "<<" else {str(key.value): self.value(key, value)}
        time = event.get("_time", "0")
        if not isinstance(time, str) or not NUMBER.fullmatch(time):
            raise self.error(node, f"_time: expected seconds since 1970, such as 1767225600, found {time!r}")
        return {name: value for name, value in event.items() if value}

    def value(self, key: yaml.Node, node: yaml.Node) -> str | list[str]:
        if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
            return [item.value for item in node.value]
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, f"{key.value}: expected a text, or a list of texts: {SHAPE}")
        return str(node.value)
