"""The columns that sources of events give, as far as we know: those of CIM, and of the add-ons for Windows."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

from sandbox.inputs.windows.fields import RULES
from ssa.content.datamodels import DATA_MODELS
from ssa.content.fields import COMPUTED, COUNTERPARTS
from tools import ROOT

CIM = {
    "Endpoint": (
        "action cpu_load_percent dest description mem_used original_file_name os parent_process parent_process_exec "
        "parent_process_guid parent_process_id parent_process_name parent_process_path process "
        "process_current_directory process_exec process_guid process_hash process_id process_integrity_level "
        "process_name process_path registry_hive registry_key_name registry_path registry_value_data "
        "registry_value_name registry_value_text registry_value_type file_access_time file_acl file_create_time "
        "file_hash file_modify_time file_name file_path file_size service service_dll service_dll_hash "
        "service_dll_path service_dll_signature_exists service_dll_signature_verified service_exec service_hash "
        "service_id service_name service_path service_signature_exists service_signature_verified start_mode status "
        "creation_time dest_port src src_port src_requires_av state transport transport_dest_port user user_id "
        "vendor_product"
    ),
    "Network_Traffic": (
        "app bytes bytes_in bytes_out channel dest_interface dest_ip dest_mac dest_translated_ip dest_translated_port "
        "dest_zone direction duration dvc dvc_ip dvc_mac dvc_zone flow_id icmp_code icmp_type packets packets_in "
        "packets_out protocol protocol_version response_time rule session_id src_interface src_ip src_mac "
        "src_translated_ip src_translated_port src_zone ssid tcp_flag tos ttl vlan wifi"
    ),
    "Network_Resolution": (
        "additional_answer_count answer answer_count authority_answer_count message_type name query query_count "
        "query_type record_type reply_code reply_code_id transaction_id"
    ),
    "Authentication": (
        "authentication_method authentication_service dest_nt_domain reason signature signature_id src_nt_domain "
        "src_user src_user_id src_user_role src_user_type user_agent user_name user_role user_type"
    ),
    "Web": (
        "cached category cookie error_code http_content_type http_method http_referrer http_referrer_domain "
        "http_user_agent http_user_agent_length operation site storage_name uri_path uri_query url url_domain "
        "url_length"
    ),
}
"""Data model -> the fields of its datasets that those above lack. Source: Common Information Model manual 6."""

OF_EVERY_EVENT = (
    *("_time", "_raw", "_indextime", "host", "source", "sourcetype", "index", "tag", "eventtype", "punct"),
    *("splunk_server", "linecount", "EventCode", "EventID", "Computer", "Channel", "user_domain", "process_exec"),
)


@cache
def known() -> frozenset[str]:
    """Return the columns that a source may give, and the SSA names that are read from others."""
    extracted = (name for rule in RULES.values() for name in rule.fields({}, ""))
    passed = (name for model in DATA_MODELS.values() for name in model.columns)
    named = (name for names in CIM.values() for name in names.split())
    return frozenset({
        *(*OF_EVERY_EVENT, *COMPUTED, *COUNTERPARTS, "dest_device_ips"),
        *(*extracted, *passed, *named, *_texts(_of_sigma())),
    })  # fmt: skip


def _of_sigma() -> list[Any]:
    mapping = tomllib.loads((ROOT / "tools/content/sigma/mapping.toml").read_text("utf-8"))
    return [source.get(key) for source in mapping["source"] for key in ("fields", "gives")]


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, (dict, list)):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _texts(part)
