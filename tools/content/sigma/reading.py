"""Rule files -> YAML documents. They come from anywhere: nothing in one may take long, or reach beyond itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from sigma.exceptions import SigmaError
from sigma.rule.base import SigmaYAMLLoader, check_alias_expansion

from tools.content.importer.published import FOREIGN, MAX_BYTES, MISFITS
from tools.content.sigma.refusal import Refused

SUFFIXES = (".yml", ".yaml")

DEEPEST = 20
"""Collections within one another; a rule has half as many. PyYAML's parser in C has no limit but the stack's."""


def files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the rule files of files and folders, in the order of their names, each with its path below what was given.

    Links in a folder that lead to folders are not followed.
    """
    for top in paths:
        if top.is_dir():
            for path in sorted(path for path in top.rglob("*") if path.suffix in SUFFIXES and path.is_file()):
                yield path, path.relative_to(top).as_posix()
        else:
            yield top, top.name


def documents(path: Path) -> list[dict[str, Any]]:
    """Read the documents of a file; raises Refused."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise Refused(f"the file has more than {MAX_BYTES:,} bytes")
        _check_depth(content)
        found = [one for one in yaml.load_all(content, SigmaYAMLLoader) if one is not None]
        check_alias_expansion(found)
    except OSError as error:
        raise Refused(f"the file cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, SigmaError, ValueError, *MISFITS) as error:
        raise Refused("the file is not YAML: " + FOREIGN.sub("?", " ".join(str(error).split()))[:300]) from error
    if not all(isinstance(one, dict) for one in found):
        raise Refused("the file is no rule: a rule is a mapping with title, logsource and detection")
    return found


def _check_depth(content: bytes) -> None:
    depth = 0
    for event in yaml.parse(content, SigmaYAMLLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Refused(f"the file is no rule: it is nested more than {DEEPEST} deep")
