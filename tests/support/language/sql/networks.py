"""Addresses: a text of their bits, 32 or 128 of them, so that a range is how such a text begins."""

from functools import partial

from .calls import add, strict
from .values import BOOLEAN, LONG, STRING, listed

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_FOUR = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}"
_MAPPED = "repeat('0', 80) || repeat('1', 16)"


def _bits(numbers, width):
    """Return the SQL of the bits of a list of numbers."""
    return f"array_to_string(list_transform({numbers}, lambda x: lpad(to_binary(x::UBIGINT), {width}, '0')), '')"


def _address(translation, text):
    """Return the bits of an address, null for what is none."""
    step = partial(strict, translation)
    four = _bits("string_split({text}, '.')", 8)
    four = step(f"CASE WHEN regexp_full_match({{text}}, '{_FOUR}') THEN {four} END", STRING, text=text)
    # The last 32 bits of an IPv6 address may be spelled as those of IPv4.
    last = step("string_split({text}, ':')[-1]", STRING, text=text)
    octets = step(
        f"CASE WHEN regexp_full_match({{last}}, '{_FOUR}') "
        "THEN list_transform(string_split({last}, '.'), lambda x: x::BIGINT) ELSE [] END",
        listed(LONG),
        last=last,
    )
    spelled = "format('{:x}:{:x}', {octets}[1] * 256 + {octets}[2], {octets}[3] * 256 + {octets}[4])"
    head = "left({text}, length({text}) - length({last}))"
    six = f"CASE WHEN len({{octets}}) = 4 THEN {head} || {spelled} ELSE {{text}} END"
    six = step(six, STRING, text=text, last=last, octets=octets)
    # `::` stands once, for as many zeros as are missing.
    sides = step("string_split({six}, '::')", listed(STRING), six=six)
    groups = "CASE WHEN {sides}[%d] = '' THEN []::VARCHAR[] ELSE string_split({sides}[%d], ':') END"
    left, right = (step(groups % (side, side), listed(STRING), sides=sides) for side in (1, 2))
    zeros = "repeat(['0'], 8 - len({left}) - len({right}))"
    full = step(
        "CASE WHEN len({sides}) = 2 AND len({left}) + len({right}) < 8 "
        f"THEN {{left}} || {zeros} || {{right}} END",
        listed(STRING),
        sides=sides,
        left=left,
        right=right,
    )
    found = translation.put(
        f"CASE WHEN len({sides.sql}) = 1 THEN {left.sql} ELSE {full.sql} END", listed(STRING), sides, left, full
    )
    hexed = "list_bool_and(list_transform({found}, lambda x: regexp_full_match(x, '[0-9A-Fa-f]{1,4}')))"
    numbers = "list_transform({found}, lambda x: ('0x' || x)::BIGINT)"
    whole = step(f"CASE WHEN len({{found}}) = 8 AND {hexed} THEN {_bits(numbers, 16)} END", STRING, found=found)
    return translation.put(f"coalesce({four.sql}, {whole.sql})", STRING, four, whole)


def _cidrmatch(translation, network, address):
    network, address = translation.narrowed(network, STRING), translation.narrowed(address, STRING)
    step = partial(strict, translation)
    network = step("trim({network})", STRING, network=network)
    start = _address(translation, step("string_split({network}, '/')[1]", STRING, network=network))
    there = _address(translation, step("trim({address})", STRING, address=address))
    width = "CASE WHEN contains({network}, '/') THEN TRY_CAST(string_split({network}, '/')[2] AS BIGINT) ELSE 128 END"
    width = step(width, LONG, network=network)
    width = step(
        "CASE WHEN contains({network}, '/') THEN CASE WHEN {width} <= length({start}) THEN {width} END "
        "ELSE length({start}) END",
        LONG,
        network=network,
        width=width,
        start=start,
    )
    # An IPv4 address within IPv6 is both.
    inner = f"CASE WHEN starts_with({there.sql}, {_MAPPED}) THEN right({there.sql}, 32) END"
    inner = translation.put(inner, STRING, there)
    begins = f"left({start.sql}, {width.sql})"
    tests = [
        f"coalesce(length({bits.sql}) = length({start.sql}) AND starts_with({bits.sql}, {begins}), false)"
        for bits in (there, inner)
    ]
    found = translation.put(" OR ".join(tests), BOOLEAN, there, inner, start, width)
    return step("{found}", BOOLEAN, found=found, address=address, width=width)


add("cidrmatch(cidr_range: range, ip: address) -> boolean", _cidrmatch)
