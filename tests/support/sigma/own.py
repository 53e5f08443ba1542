"""Rules of our own for tests."""


def rule(number, **changed):
    """A rule with this number, a digit: it finds command lines with odd<number>."""
    return {
        "title": f"Rule {number}",
        "id": f"0f6da907-5854-4be6-859a-e9958747b0a{number}",
        "logsource": {"product": "windows", "category": "process_creation"},
        "detection": {"a": {"CommandLine|contains": f"odd{number}"}, "condition": "a"},
        **changed,
    }


def correlation(number, kind, rules, **changed):
    """A correlation rule of that kind over rules."""
    document = rule(number, level="high", status="test")
    del document["logsource"], document["detection"]
    given = {"type": kind, "rules": rules, "timespan": "10m", **changed}
    return {**document, "correlation": given}
