"""The data models of CIM that detections search: one table. A new data source begins with an entry here.

Sources: Common Information Model manual, the tags of each model; Enterprise Security, its security domains.
"""

from __future__ import annotations

import re

from ssa.immutable import Immutable


class DataModel(Immutable):
    """A data model, by the name that detections use for it.

    `tags` put an event into it; `macro` is the search macro for its events, which default/macros.conf has where
    `ships`, and an import writes where not. A field whose name begins as one of `field_starts` suggests it. `columns`
    of its events are passed on by every search, and read from the CIM dataset `dataset` where that is accelerated.
    """

    name: str
    tags: frozenset[str]
    macro: str
    ships: bool = False
    field_starts: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    dataset: str = ""

    @property
    def terms(self) -> str:
        """The search for its events, by its tags."""
        return " ".join(["index=*", *(f"tag={tag}" for tag in sorted(self.tags))])

    @property
    def base(self) -> str:
        """What a search of its events begins with: the macro where it ships, which users narrow, else the tags."""
        return f"`{self.macro}`" if self.ships else self.terms


PROCESSES = DataModel(
    "Endpoint_Processes",
    frozenset({"process", "report"}),
    "ssa_process_events",
    ships=True,
    field_starts=("process",),
    columns=(
        *("dest", "user", "process", "process_name", "process_path", "process_id"),
        *("parent_process", "parent_process_name"),
    ),
    dataset="Processes",
)

DATA_MODELS = {
    model.name: model
    for model in (
        PROCESSES,
        DataModel(
            "Endpoint_Registry",
            frozenset({"endpoint", "registry"}),
            "ssa_endpoint_registry_events",
            field_starts=("registry_",),
        ),
        DataModel(
            "Endpoint_Filesystem",
            frozenset({"endpoint", "filesystem"}),
            "ssa_endpoint_filesystem_events",
            field_starts=("file_",),
        ),
        DataModel("Endpoint_Services", frozenset({"service", "report"}), "ssa_endpoint_services_events"),
        DataModel("Endpoint_Ports", frozenset({"listening", "port"}), "ssa_endpoint_ports_events"),
        DataModel(
            "Network_Traffic",
            frozenset({"network", "communicate"}),
            "ssa_network_traffic_events",
            field_starts=("dest_port", "dest_ip", "dest_device_ips"),
        ),
        DataModel("Network_Resolution", frozenset({"network", "resolution", "dns"}), "ssa_network_resolution_events"),
        DataModel("Authentication", frozenset({"authentication"}), "ssa_authentication_events"),
        DataModel("Web", frozenset({"web"}), "ssa_web_events"),
    )
}

NO_MODEL = DataModel("", frozenset(), "")
"""Stands for a data model that is not in the table: any event may be of it."""

SECURITY_DOMAINS = {
    "Endpoint": "endpoint",
    "Network": "network",
    "Web": "network",
    "Authentication": "access",
    "Change": "audit",
}
"""First word of a data model's name -> security domain of Enterprise Security; anything else is `threat`."""


def security_domain(datamodel: str) -> str:
    """Name the security domain of a data model, whether the table has it or not."""
    return SECURITY_DOMAINS.get(re.split(r"[_ .]", datamodel)[0], "threat")
