"""The data models of CIM that detections search: one table. A new data source begins with an entry here.

Sources: Common Information Model manual, the tags of each model; Enterprise Security, its security domains.
"""

from __future__ import annotations

import re

from ssa.immutable import Immutable

from .fields import COUNTERPARTS


class DataModel(Immutable):
    """A data model, by the name that detections use for it.

    `tags` put an event into it; `macro` is the search macro for its events, which default/macros.conf has where
    `ships`, and an import writes where not. `security_domain` is that of Enterprise Security. A field whose name begins
    as one of `field_starts` suggests the model. `columns` of its events are passed on by every search, with those of
    PROCESSES; those of `identity` distinguish one event from another: only those of PROCESSES are read, for events of
    any model. In events of a network `dest` is the far end: a detection names the device by its setting `columns`.

    Where it can be searched accelerated, `dataset` is its CIM data model and dataset, and `tstats` the stem of the
    macros that read it: `<tstats>`, `<tstats>_by` and `<tstats>_rows`.
    """

    name: str
    tags: frozenset[str]
    macro: str
    security_domain: str
    ships: bool = False
    field_starts: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    identity: tuple[tuple[str, ...], ...] = ()
    """For each part, the columns that it may stand in, in the order of preference."""
    dataset: str = ""
    tstats: str = ""

    @property
    def terms(self) -> str:
        """The search for its events, by its tags."""
        return " ".join(["index=*", *(f"tag={tag}" for tag in sorted(self.tags))])

    @property
    def base(self) -> str:
        """What a search of its events begins with: the macro where it ships, which users narrow, else the tags."""
        return f"`{self.macro}`" if self.ships else self.terms

    @property
    def prefix(self) -> str:
        """What stands before the name of a column in its dataset: `Processes.`."""
        return self.dataset.rpartition(".")[2] + "."


PROCESSES = DataModel(
    "Endpoint_Processes",
    frozenset({"process", "report"}),
    "ssa_process_events",
    "endpoint",
    ships=True,
    field_starts=("process",),
    columns=(
        *("dest", "user", "process", "process_name", "process_path", "process_id"),
        *("parent_process", "parent_process_name"),
    ),
    # With the whole second. The dataset has no more, so neither may we: not milliseconds, nor columns of the names that
    # a hit gives to device and user.
    identity=(
        COUNTERPARTS["dest_device_id"],
        COUNTERPARTS["dest_user_id"],
        ("process_id",),
        ("process_path",),
        ("process",),
    ),
    dataset="Endpoint.Processes",
    tstats="ssa_tstats",
)
"""The model of the given detection. Its identity is that of every event: others have some of the same columns."""

DATA_MODELS = {
    model.name: model
    for model in (
        PROCESSES,
        DataModel(
            "Endpoint_Registry",
            frozenset({"endpoint", "registry"}),
            "ssa_endpoint_registry_events",
            "endpoint",
            field_starts=("registry_",),
        ),
        DataModel(
            "Endpoint_Filesystem",
            frozenset({"endpoint", "filesystem"}),
            "ssa_endpoint_filesystem_events",
            "endpoint",
            field_starts=("file_",),
        ),
        DataModel("Endpoint_Services", frozenset({"service", "report"}), "ssa_endpoint_services_events", "endpoint"),
        DataModel("Endpoint_Ports", frozenset({"listening", "port"}), "ssa_endpoint_ports_events", "endpoint"),
        DataModel(
            "Network_Traffic",
            frozenset({"network", "communicate"}),
            "ssa_network_traffic_events",
            "network",
            ships=True,
            field_starts=("dest_port", "dest_ip", "dest_device_ips"),
            columns=("dvc", "src", "src_ip", "src_port", "dest_ip", "dest_port", "transport", "direction", "app"),
        ),
        DataModel(
            "Network_Resolution",
            frozenset({"network", "resolution", "dns"}),
            "ssa_network_resolution_events",
            "network",
            ships=True,
            columns=("src", "query", "answer", "reply_code_id"),
        ),
        DataModel("Authentication", frozenset({"authentication"}), "ssa_authentication_events", "access"),
        DataModel("Web", frozenset({"web"}), "ssa_web_events", "network"),
    )
}

NO_MODEL = DataModel("", frozenset(), "", "threat")
"""Stands for a data model that is not in the table: any event may be of it."""


def security_domain(datamodel: str) -> str:
    """Return the security domain of a data model; of one that the table lacks, that of models with its first word.

    So `Endpoint` and `Endpoint.Processes` have the domain of `Endpoint_Processes`.
    """
    if datamodel in DATA_MODELS:
        return DATA_MODELS[datamodel].security_domain
    word = _first_word(datamodel)
    alike = (model.security_domain for model in DATA_MODELS.values() if _first_word(model.name) == word)
    return next(alike, "audit" if word == "Change" else NO_MODEL.security_domain)


def _first_word(name: str) -> str:
    return re.split(r"[_ .]", name)[0]
