"""The data models of tstats: each dataset turns events into its rows.

Endpoint is that of the Common Information Model (Splunk_SA_CIM 5.x, Endpoint.json): events with the dataset's tags, in
which some fields are calculated. A calculated field is never missing: it is "unknown", and the two names are taken
from the command lines where they can be. Other fields may be missing. Risk is that of Enterprise Security, without what
it calculates. Both are as if accelerated and complete.
"""

from dataclasses import dataclass, field

from sandbox.search.evaluation import FUNCTIONS
from sandbox.store.sql import COLUMN_TYPES, Relation, Sql, as_list, query, quote, value_of

BASE = ("_time", "host", "source", "sourcetype", "index", "splunk_server")
"""Fields of any event, which a data model does not rename."""

# The program's name in a command line: the last part of a path in quotes, else the last word behind any `\`.
_QUOTED_NAME = r'^\s*"..*\\([^"]+)".*'
_BARE_NAME = r'^(?:..*\\)?([^\s"]+)(?:\s.*)?$'


@dataclass(frozen=True)
class Dataset:
    """A root dataset: which events, and their fields: as they are, filled, or read from a command line."""

    has: tuple[str, str]  # a field and the values, separated by blanks, that an event of it has
    plain: tuple[str, ...]
    filled: tuple[str, ...] = ()
    named_by: dict[str, str] = field(default_factory=dict)

    def rows(self, name: str, events: Relation) -> Relation:
        """Return the dataset's rows, whose fields are called `<name>.<field>` but for BASE."""
        values = {base: value_of(events, base) for base in BASE}
        for own in self.plain:
            values[f"{name}.{own}"] = value_of(events, own)
        for own in (*self.filled, *self.named_by):
            choices = [value_of(events, own)]
            if line := self.named_by.get(own):
                first = f"{as_list(value_of(events, line))}[1]"
                for form in (_QUOTED_NAME, _BARE_NAME):
                    choices.append(Sql(f"nullif(regexp_extract({first}, {quote(form)}, 1), '')", "text"))
            values[f"{name}.{own}"] = FUNCTIONS["coalesce"]([*choices, Sql("'unknown'", "text")])
        codes = {name: value.code for name, value in values.items()}
        wanted = f"[{', '.join(map(quote, self.has[1].split()))}]"
        code = query(events.source, codes, f"WHERE list_has_all({as_list(value_of(events, self.has[0]))}, {wanted})")
        return Relation(f"({code})", {name: COLUMN_TYPES.get(value.kind, "VARCHAR") for name, value in values.items()})


DATASETS = {
    "Endpoint.Processes": Dataset(
        has=("tag", "process report"),
        plain=(
            *("action", "parent_process_exec", "parent_process_guid", "parent_process_id", "parent_process_path"),
            *("process_current_directory", "process_exec", "process_guid", "process_hash", "process_id"),
            *("process_integrity_level", "process_path", "user_id"),
        ),
        filled=("dest", "original_file_name", "parent_process", "process", "user"),
        named_by={"process_name": "process", "parent_process_name": "parent_process"},
    ),
    "Risk.All_Risk": Dataset(
        has=("index", "risk"),
        plain=("risk_object", "risk_object_type", "risk_score", "risk_message", "threat_object", "threat_object_type"),
    ),
}
