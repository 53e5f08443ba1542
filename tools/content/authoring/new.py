"""Begin a detection of your own: a commented stanza, its saved search and macros, and two events to test it with.

All of it goes into the local/ of an app's folder. What it finds at first is an example: change it until it is yours.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import uuid
from pathlib import Path

from ssa.content import conf
from ssa.content.detection import CONF
from tools import ROOT
from tools.content.authoring.template import COMMENT, settings, tests
from tools.content.importer import CONFS, app_argument, app_folder, check_names, put_one
from tools.content.importer.conf_file import checked
from tools.content.importer.local import LocalConfs
from tools.content.importer.published import ImporterError
from tools.docs.pages import slug

NEXT = """
Next, change its search, and say in the two events what it must find and what not:
  {stanza}
  {tests}
Then:
  .venv/bin/python -m tools import {stanza}{app}   (writes anew what follows from the search)
  .venv/bin/python -m tools explain {stanza}
  .venv/bin/python -m tools test {tests}{app}
  .venv/bin/python -m sandbox replay --local {local} EVENTS…
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help='what it finds, such as "Regsvr32 From The Web"')
    app_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Write the beginning of a detection; return the exit code: 0, or 1 when nothing was written."""
    name = " ".join(options.name.split())
    try:
        app = app_folder(options.app)
        confs = LocalConfs(app, CONFS)
        if name in confs.stanzas[CONF]:
            place = confs.stanzas[CONF][name].place
            raise ImporterError(f"new: {name!r} is there already ({place}): edit it there, or choose another name")
        stated = settings(name, str(uuid.uuid4()))
        one = checked("new", name, stated)
        known = {each: (has["id"].value, has.place) for each, has in confs.stanzas[CONF].items() if "id" in has}
        check_names(one, known, {})
        file = app / f"local/tests/{slug(name)}.yml"
        if file.exists():
            raise ImporterError(f"new: {file} is there already: remove it, or choose another name")
        confs.put(CONF, name, stated, comment=COMMENT)
        put_one(one, confs)
        confs.check()
        confs.write()
        write(file, tests(name))
    except (ImporterError, conf.ConfError) as error:
        sys.stderr.write(f"{error}\nNothing was written.\n")
        return 1
    local = _shown(app / "local")
    sys.stdout.write(f"new: {name}\n")
    sys.stdout.write("".join(f"  {local}/{conf_name}.conf  [{stanza}]\n" for conf_name, stanza in confs.put_stanzas))
    given = "" if app == ROOT else f" --app {_shown(app)}"
    sys.stdout.write(NEXT.format(stanza=f"{local}/{CONF}.conf", tests=_shown(file), app=given, local=local))
    return 0


def _shown(path: Path) -> str:
    """Name a file so that a shell takes it from here."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def write(file: Path, text: str) -> None:
    """Write a new file and its folder; raises ImporterError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        raise ImporterError(f"{file}: cannot be written: {error.strerror}") from error
