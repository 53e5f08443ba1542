"""The `name=value` arguments of the commands."""

from sandbox.confs import is_true
from sandbox.search import spl

OPTIONS = {
    "inputlookup": ("append", "strict"),
    "outputlookup": ("append", "key_field", "override_if_empty"),
    "collect": ("index", "source", "sourcetype", "host", "marker"),
    "rest": ("splunk_server", "count", "add_orphan_field"),
    "makeresults": ("count", "annotate", "splunk_server"),
    "dedup": ("keepevents", "keepempty", "consecutive"),
    "fillnull": ("value",),
    "streamstats": ("current", "window", "global", "time_window"),
    "tstats": ("summariesonly", "allow_old_summaries", "fillnull_value", "span"),
    "bin": ("span",),
    "rex": ("field", "max_match", "mode"),
    "top": ("countfield", "limit", "otherstr", "percentfield", "showcount", "showperc", "useother"),
    "rare": ("countfield", "limit", "percentfield", "showcount", "showperc"),
    "chart": ("limit", "useother", "usenull"),
    "timechart": ("span", "limit", "useother", "usenull", "cont"),
}


def options(reader: spl.Reader, command: spl.Command) -> dict[str, spl.Node]:
    """Read the `name=value` pairs that come next. Raises SearchError for a name that is none of the command's."""
    values = {}
    while name := reader.take_key():
        if name.text not in OPTIONS.get(command.name, ()):
            raise spl.fail(f"Unsupported option '{name.text}' of '{command.name}'", name.position)
        values[name.text] = reader.word()
    return values


def appends(command: spl.Command) -> bool:
    """Whether a generating command adds its rows to those it is given: `append=true`, if it knows that option."""
    given = options(spl.Reader(command), command).get("append")
    return given is not None and is_true(given.text)
