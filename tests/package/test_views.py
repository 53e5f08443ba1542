"""What Splunk's schemas of dashboards and alert forms do not see: names that lead nowhere, values that are not quoted.

The lint is plain Python over what default/ has; each of its rules is proved by a view with that mistake. That the
searches run, and give the fields that panels name, is in test_searches.py.
"""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from copy import deepcopy
from urllib.parse import parse_qsl, urlsplit

import pytest

from sandbox import confs
from sandbox.search.instance import Instance
from tests.support.app.views import strings
from tools import ROOT
from tools.ui import views

UI = ROOT / "default/data/ui"
VIEWS = views.shipped()
WIDTH, LEAST_REFRESH, MOST_SEARCHES = 1440, 60, 8
HANDLERS = {"drilldown.customUrl", "drilldown.setToken"}
KINDS = {"bar", "column", "line", "markdown", "singlevalue", "table"}
OWN_OBJECTS = re.compile(
    r"\| rest /servicesNS/nobody/ssa_detections/(?:saved/searches|configs/conf-(?:macros|alert_actions)) "
    r"splunk_server=local count=0 (?:add_orphan_field=yes )?"
    r"\| where 'eai:acl\.app'=\"ssa_detections\" AND 'eai:acl\.sharing' IN \(\"app\", \"global\"\)(?= \|)"
)
"""How a view reads what admins have written: objects of this app that are shared. The path alone would give more."""
OTHERS_OBJECTS = (
    "| rest /servicesNS/-/-/saved/searches splunk_server=local count=0 "
    "| where 'action.ssa_risk'=1 AND ('action.risk'=1 OR ('action.notable'=1 "
    r"""AND match('action.notable.param._entities', "\"risk_score\"\s*:\s*\"?[ +]*[0.]*[1-9\x24]"))) """
    '| eval doubly=if(\'eai:acl.app\'="ssa_detections" AND \'eai:acl.sharing\' IN ("app", "global"), title, '
    "\"one of the app \" . 'eai:acl.app') | fields doubly]"
)
"""What a view reads of other searches: in which app one is that scores a hit twice."""
OF_THE_SERVER = {
    "/services/apps/local",
    "/services/authentication/current-context",
    "/services/authentication/users",
    "/services/data/indexes",
    "/services/data/outputs/tcp/default",
    "/services/server/info",
}
MACROS = confs.load(ROOT, "macros")


def expand(query):
    """Put the macros of Start here into a search: their text is as much the view's as its own."""
    return re.sub(r"`(ssa_setup\w*)`", lambda match: expand(MACROS[match[1]]["definition"]), query)


ROW = re.compile(r"row\.(.+)\.value")
CLICKED = "value"
"""What a click gives a link: values of its row, and that of the cell."""


def tokens(node):
    """Yield name and filters of each token in the texts of a definition."""
    yield from ((match[1], match[2]) for text in strings(node) for match in views.TOKEN.finditer(text))


def handlers(view):
    return [one for viz in view.definition["visualizations"].values() for one in viz.get("eventHandlers", [])]


def result_tokens(view):
    """Name the tokens that are set from results: `<name>:result.<field>`, of the fields that a search ends with."""
    for source in view.sources.values():
        if source["options"].get("enableSmartSources"):
            fields = re.split(r"[\s,]+", source["options"]["query"].rpartition("| table ")[2])
            yield from (f"{source['name']}:result.{field}" for field in fields)


def object_problems(view):
    """Other users' objects are neither run nor shown."""
    for id, source in view.sources.items():
        query = expand(source["options"]["query"])
        for path in re.findall(r"\brest\s+(/\S+)", OWN_OBJECTS.sub("", query).replace(OTHERS_OBJECTS, "")):
            if path not in OF_THE_SERVER:
                yield f"{id} reads {path}, where others' objects are, too"
        if found := re.search(r"\|\s*(savedsearch|loadjob|map|from|script|run)\b", query):
            yield f"{id} runs what another object says: {found[1]}"


def source_problems(view):
    names = [source["name"] for source in view.sources.values()]
    if len(names) != len(set(names)):
        yield "two data sources have the same name"
    if len([one for one in view.sources.values() if one["type"] == "ds.search"]) > MOST_SEARCHES:
        yield f"more than {MOST_SEARCHES} searches"
    users = [*view.definition["visualizations"].values(), *view.definition["inputs"].values()]
    used = {one for user in users for one in user.get("dataSources", {}).values()}
    for name in sorted(used - set(view.sources)):
        yield f"no data source is {name}"
    used |= {source["options"].get("extend") for source in view.sources.values()}
    used |= {id for id, source in view.sources.items() if source["options"].get("enableSmartSources")}
    for id, source in view.sources.items():
        options = source["options"]
        if id not in used:
            yield f"nothing shows {id}"
        if source["type"] not in ("ds.search", "ds.chain") or not options.get("query", "").strip():
            yield f"{id} has no query, or is of an unknown type"
        if (source["type"] == "ds.chain") != ("extend" in options):
            yield f"{id}: a chain extends a search, and nothing else does"
        if "extend" in options and view.sources.get(options["extend"], {}).get("type") != "ds.search":
            yield f"{id} extends no search"
        if source["type"] == "ds.chain" and not options.get("query", "").startswith("|"):
            yield f"{id}: the query of a chain begins with a pipe"
        wait = re.fullmatch("([0-9]+)(s|m)", options.get("refresh", "60m"))
        if not wait or int(wait[1]) * {"s": 1, "m": 60}[wait[2]] < LEAST_REFRESH:
            yield f"{id} refreshes too often"


def token_problems(view):
    definition = view.definition
    for name, filters in tokens(definition["dataSources"]):
        if filters != "|s":
            yield f"the token {name} stands unquoted in a search"
    known = {*view.defaults, *result_tokens(view)}
    clicked = {one["token"] for each in handlers(view) for one in each["options"].get("tokens", [])}
    for name in sorted(clicked - known):
        yield f"the token {name} has no default: what reads it would wait"
    used = {name for name, _ in tokens(definition)}
    for name in sorted(used - known):
        clicked = ROW.fullmatch(name) or name == CLICKED
        if not clicked or name in {name for name, _ in tokens([definition["dataSources"]])}:
            yield f"the token {name} is set nowhere"
    for name in sorted(known - used - {*result_tokens(view)}):
        yield f"the token {name} is never read"


PLACE = "$row._to.value$"
"""A click that leads where its row says."""

LITERAL = r'"((?:[^"\\]|\\.)*)"'


def place_problems(view):
    """Prove that the rows say pages of this app alone: one `case` of texts, each a path of Splunk Web."""
    for viz in view.definition["visualizations"].values():
        if any(one["options"].get("url") == PLACE for one in viz.get("eventHandlers", [])):
            query = view.sources[viz["dataSources"]["primary"]]["options"]["query"]
            made = re.findall(r"\b_to=(.*?)(?= \| |\Z)", query)
            given = [text for one in made for text in places(one)]
            wrong = [text for text in given if not re.match(r"/(manager|app)/ssa_detections/", text or "")]
            if not given or wrong:
                yield f"a click may lead anywhere: {wrong}"


def places(text):
    """Return the texts that an expression may give, a text or a `case`; None for what is neither."""
    text = text.split(" | ")[0]
    if found := re.match(rf"{LITERAL}(?: \||\Z)", text):
        return [found[1]]
    if not text.startswith("case(") or not text.endswith(")"):
        return [None]
    parts, depth, part, quoted = [], 0, "", False
    for sign in text[5:-1]:
        quoted ^= sign == '"'
        depth += (sign == "(") - (sign == ")") if not quoted else 0
        if sign == "," and not depth and not quoted:
            parts.append(part.strip())
            part = ""
        else:
            part += sign
    parts.append(part.strip())
    return [found[1] if (found := re.fullmatch(LITERAL, part)) else None for part in parts[1::2]]


def drilldown_problems(view, others):
    for handler in handlers(view):
        if handler["type"] not in HANDLERS:
            yield f"unknown event handler {handler['type']}"
            continue
        for one in handler["options"].get("tokens", []):
            if not ROW.fullmatch(one["key"]):
                yield f"a click sets {one['token']} to {one['key']}, which is no value of its row"
        url = handler["options"].get("url")
        if url is None:
            continue
        if url == PLACE:
            yield from place_problems(view)
            continue
        for name, filters in tokens(url):
            if filters != "|u":
                yield f"the token {name} stands unquoted in a URL"
        target = urlsplit(url)
        app, _, name = target.path.removeprefix("/app/").partition("/")
        controls = dict(parse_qsl(target.query, keep_blank_values=True))
        if app != "ssa_detections" or name not in {*others, "search"}:
            yield f"a click leads to {target.path}"
        elif name == "search" and controls.keys() != {"q", "earliest", "latest"}:
            yield "a link to search needs q, earliest and latest"
        elif name == "search" and not controls["q"].startswith("search "):
            yield "a link to search begins with the command search"
        elif name != "search":
            for key in controls.keys() - {f"form.{one}" for one in others[name].defaults}:
                yield f"{name} has no input for {key}"


def layout_problems(view):
    layout = view.definition["layout"]
    if set(layout["globalInputs"]) != set(view.definition["inputs"]):
        yield "the inputs are not those of the layout"
    items = [one["item"] for one in layout["structure"]]
    if sorted(items) != sorted(view.definition["visualizations"]):
        yield "the layout does not place each visualization once"
    if unknown := sorted(set(layout["options"]) - {"width", "height"}):
        yield f"the layout has no option {unknown[0]}"
    boxes = [one["position"] for one in layout["structure"]]
    for box in boxes:
        if box["x"] < 0 or box["x"] + box["w"] > WIDTH or box["y"] + box["h"] > layout["options"]["height"]:
            yield f"a panel at {box['x']}, {box['y']} is out of the page"
    for one, two in itertools.combinations(boxes, 2):
        if all(one[a] < two[a] + two[b] and two[a] < one[a] + one[b] for a, b in (("x", "w"), ("y", "h"))):
            yield f"the panels at {one['x']}, {one['y']} and {two['x']}, {two['y']} overlap"


def option_problems(view):
    for id, viz in {**view.definition["visualizations"], **view.definition["inputs"]}.items():
        if viz["type"].partition(".")[0] == "splunk" and viz["type"].partition(".")[2] not in KINDS:
            yield f"{id} is of an unknown type"
        if not viz.get("title") and viz["type"] != "splunk.markdown":
            yield f"{id} has no title"
        for text in strings(viz.get("options", {})):
            if text.startswith(">"):
                for name in re.findall(r"(?:rangeValue|matchValue|formatByType|prepend|pick)\((\w+)\)", text):
                    if name not in viz.get("context", {}):
                        yield f"{id} reads {name}, which its context does not have"


STATES = {"LOOK": "#F8BE34", "TO DO": "#B22C3A"}
"""What a state's colour is in every view."""


NARROW, UNSET, EDGES = 1280, 90, 24
"""The narrowest screen; what the renderer gives a column without a width; the edges of a panel, all in pixels.

What a panel has left, the renderer shares out among all columns by their widths, so that one without is no wide one.
"""


def table_problems(view):
    places = {one["item"]: one["position"] for one in view.definition["layout"]["structure"]}
    for id, viz in view.definition["visualizations"].items():
        if viz["type"] != "splunk.table":
            continue
        options = viz.get("options", {})
        columns = options.get("columnFormat", {})
        if columns and all("width" in one for one in columns.values()):
            yield f"{id} has a width for every column: where its panel is wider, it leaves a part of it empty"
        taken, room = sum(one.get("width", UNSET) for one in columns.values()), UNSET
        if id in places:
            room = places[id]["w"] * NARROW // WIDTH - EDGES
        if taken > room:
            yield f"{id} has columns of {taken} pixels, and room for {room} on a screen of {NARROW:,}"
        if len(columns) > 1 and sum("width" not in one for one in columns.values()) > 1:
            yield f"{id} has more than one column without a width"
        for name in columns:
            if " " in name:  # the renderer makes ids of names: aria-controls is broken, and axe says so
                yield f"{id} has a blank in the name of the column {name}"
        for one in viz.get("context", {}).get("state", []):
            if STATES.get(one["match"], one["value"]) != one["value"]:
                yield f"{id} has a colour of its own for {one['match']}"


def problems(view, others):
    """List what is wrong in a view; `others` are all views by name."""
    if (view.attributes.get("version"), view.attributes.get("theme")) != ("2", "dark"):
        yield "not version 2, or not dark by default"
    texts = (view.definition["title"], view.definition["description"])
    if texts != (view.texts.get("label"), view.texts.get("description")):
        yield "title and description are not those of the XML"
    for rule in (source_problems, object_problems, token_problems, layout_problems, option_problems, table_problems):
        yield from rule(view)
    yield from drilldown_problems(view, others)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_sound(name):
    assert list(problems(VIEWS[name], VIEWS)) == []


def change(path, value):
    """Make a change of a definition: the value at this path of keys; None removes it."""

    def apply(definition):
        *way, last = path.split("/")
        node = definition
        for key in way:
            node = node[int(key) if isinstance(node, list) else key]
        key = int(last) if isinstance(node, list) else last
        if value is None:
            del node[key]
        else:
            node[key] = value

    return apply


WHO = "visualizations/viz_who"
MISTAKES = [
    (f"{WHO}/dataSources/primary", "ds_nothing", "no data source is ds_nothing"),
    ("visualizations/viz_noise/dataSources/primary", "ds_who", "nothing shows ds_noise"),
    ("dataSources/ds_hits/options/query", " ", "ds_hits has no query"),
    ("dataSources/ds_who/options/extend", "ds_noise", "ds_who extends no search"),
    ("dataSources/ds_who/options/extend", None, "ds_who: a chain extends a search"),
    ("dataSources/ds_who/options/query", "stats count", "the query of a chain begins with a pipe"),
    ("dataSources/ds_who/name", "Hits", "two data sources have the same name"),
    ("dataSources/ds_hits/options/refresh", "10s", "ds_hits refreshes too often"),
    ("dataSources/ds_hits/options/query", "index=risk user=$entity$", "the token entity stands unquoted in a search"),
    ("dataSources/ds_hits/options/query", "index=risk user=$who|s$", "the token who is set nowhere"),
    ("dataSources/ds_hits/options/query", "user=$row.user.value|s$", "the token row.user.value is set nowhere"),
    ("inputs/input_entity/options/token", "nobody", "the token nobody is never read"),
    (f"{WHO}/eventHandlers/0/type", "drilldown.fly", "unknown event handler drilldown.fly"),
    (f"{WHO}/eventHandlers/0/options/url", "/app/ssa_detections/moon", "a click leads to /app/ssa_detections/moon"),
    (f"{WHO}/eventHandlers/0/options/url", "/app/ssa_detections/entity?form.who=x", "no input for form.who"),
    (f"{WHO}/eventHandlers/0/options/url", "/app/ssa_detections/entity?form.entity=$entity$", "unquoted in a URL"),
    (f"{WHO}/eventHandlers/0/options/url", "/app/ssa_detections/search?q=x&earliest=0&latest=", "the command search"),
    (f"{WHO}/eventHandlers/0/options/url", "/app/ssa_detections/search?q=search x", "needs q, earliest and latest"),
    (
        f"{WHO}/eventHandlers/0",
        {"type": "drilldown.setToken", "options": {"tokens": [{"token": "moon", "key": "row.risk_object.value"}]}},
        "the token moon has no default",
    ),
    (
        f"{WHO}/eventHandlers/0",
        {"type": "drilldown.setToken", "options": {"tokens": [{"token": "entity", "key": "value"}]}},
        "which is no value of its row",
    ),
    (f"{WHO}/type", "splunk.moon", "viz_who is of an unknown type"),
    (f"{WHO}/title", "", "viz_who has no title"),
    (f"{WHO}/options/seriesColors", "> primary | pick(moon)", "viz_who reads moon"),
    (f"{WHO}/options/columnFormat", {"Entity": {"width": 9}}, "viz_who has a width for every column"),
    (f"{WHO}/options/columnFormat/Entity/width", 200, "viz_who has columns of 853 pixels, and room for 758"),
    (f"{WHO}/options/columnFormat/Entity", {}, "viz_who has more than one column without a width"),
    (f"{WHO}/options/columnFormat/Last hit", {}, "viz_who has a blank in the name of the column Last hit"),
    ("visualizations/viz_health/context/state/1/value", "#F8BE34", "viz_health has a colour of its own for TO DO"),
    ("layout/options/rowColors", "x", "the layout has no option rowColors"),
    (WHO, None, "the layout does not place each visualization once"),
    ("layout/globalInputs", [], "the inputs are not those of the layout"),
    ("layout/structure/0/position/w", 1500, "is out of the page"),
    ("layout/structure/0/position/w", 300, "overlap"),
    ("title", "Moon", "title and description are not those of the XML"),
]


def edit(old, new):
    """Make a change of a text."""
    return lambda text: text.replace(old, new)


FILTER = '| where \'eai:acl.app\'="ssa_detections" AND \'eai:acl.sharing\' IN ("app", "global") '
OF_ANYBODY = [
    ("tuning", "ds_chosen", edit(FILTER, ""), "ds_chosen reads /servicesNS/nobody/ssa_detections/saved/searches"),
    ("tuning", "ds_chosen", edit("nobody/ssa_detections/s", "-/-/s"), "ds_chosen reads /servicesNS/-/-/saved"),
    ("tuning", "ds_chosen", edit('("app", "global")', '("app", "global", "user")'), "ds_chosen reads"),
    ("tuning", "ds_hits", edit("`ssa_risk_events`", "| savedsearch x |"), "ds_hits runs what another object says"),
    ("tuning", "ds_entry", edit("$detection|s$", "$detection$"), "the token detection stands unquoted"),
    ("tuning", "ds_effect", edit("detection=$detection|s$", "detection=$detection$"), "the token detection stands"),
    ("tuning", "ds_effect", edit("$candidate|s$", "$candidate$"), "the token candidate stands unquoted"),
    ("tuning", "ds_review", edit("|", "earliest=$time.earliest$ |"), "the token time.earliest stands unquoted"),
    ("start_here", "ds_points", edit(FILTER, ""), "ds_points reads /servicesNS/nobody/ssa_detections/saved/searches"),
    (
        "start_here",
        "ds_points",
        edit("| fields doubly]", "| fields doubly, search]"),
        "ds_points reads /servicesNS/-/-/",
    ),
    ("start_here", "ds_open", edit("_to=case(", "_to=case(1=1, Found, "), "a click may lead anywhere"),
    ("start_here", "ds_open", edit("/manager/ssa_detections/forward", "https://evil/"), "a click may lead anywhere"),
    ("start_here", "ds_open", edit(", _to=case", ", _to=Found, x=case"), "a click may lead anywhere"),
    ("start_here", "ds_state", edit(FILTER, ""), "ds_state reads /servicesNS/nobody/ssa_detections/saved/searches"),
]


@pytest.mark.parametrize(("name", "source", "changed", "says"), OF_ANYBODY)
def test_what_anybody_may_have_written_is_found(name, source, changed, says):
    view = VIEWS[name]
    definition = deepcopy(dict(view.definition))
    options = definition["dataSources"][source]["options"]
    options["query"] = changed(expand(options["query"]))
    wrong = views.View(view.name, view.attributes, view.texts, definition)
    assert [problem for problem in problems(wrong, VIEWS) if says in problem]


@pytest.mark.parametrize(("path", "value", "says"), MISTAKES)
def test_a_mistake_is_found(path, value, says):
    view = VIEWS["overview"]
    definition = deepcopy(dict(view.definition))
    change(path, value)(definition)
    wrong = views.View(view.name, view.attributes, view.texts, definition)
    assert [problem for problem in problems(wrong, VIEWS) if says in problem]


def test_each_rule_of_searches_counts_them():
    view = VIEWS["overview"]
    definition = deepcopy(dict(view.definition))
    more = {f"ds_{n}": {"type": "ds.search", "name": f"More {n}", "options": {"query": "x"}} for n in range(9)}
    definition["dataSources"] |= more
    assert "more than 8 searches" in list(source_problems(views.View("x", {}, {}, definition)))


def test_a_token_filter_quotes_as_splunk_does():
    found = views.fill("a=$x|s$ b=$x$ c=$time.earliest$ d=$none$ $A b:result.c|s$", {"x": 'a"\\', "A b:result.c": "y"})
    assert found == 'a="a\\"\\\\" b=a"\\ c=$time.earliest$ d=$none$ "y"'
    with pytest.raises(KeyError):
        views.fill("$x|z$", {"x": "1"})


def test_the_navigation_leads_to_every_view_and_to_nothing_else():
    nav = ET.parse(UI / "nav/default.xml").getroot()
    named = [one.attrib["name"] for one in nav]
    assert sorted(named) == sorted([*VIEWS, "search", "reports", "alerts"])
    assert [one.attrib["name"] for one in nav if one.attrib.get("default") == "true"] == ["overview"]


# The alert form: "Create custom alert configuration forms" (Splunk Dev) names the elements.

CONTROLS = {"splunk-text-input", "splunk-text-area", "splunk-select", "splunk-radio-input", "splunk-search-dropdown"}
ACTIONS = confs.load(ROOT, "alert_actions")


@pytest.mark.parametrize("action", ACTIONS)
def test_an_alert_form_has_the_parameters_of_the_conf_and_the_spec(action):
    text = (UI / f"alerts/{action}.html").read_text()
    form = ET.fromstring(text)
    assert {one.tag for one in form.iter()} <= CONTROLS | {"form", "splunk-control-group", "option"}
    assert not re.search(r"/>|<script|style=|\son\w+=", text)  # a custom element that closes itself swallows the rest
    given = {key[6:]: value for key, value in ACTIONS[action].items() if re.match("param\\.[^_]", key)}
    spec = (ROOT / "README/alert_actions.conf.spec").read_text()
    controls = {}
    for group in form:
        (control,) = group
        name = control.attrib["name"].removeprefix(f"action.{action}.param.")
        controls[name] = control
        assert group.attrib["label"]
        assert len(group.attrib["help"]) > 20
        options = [option.attrib["value"] for option in control]
        assert not options or {given[name], control.attrib.get("value")} <= {*options, None}
        assert control.attrib.get("value", given[name]) == given[name]
        assert f"param.{name} = <" in spec
    assert set(controls) == set(given)


@pytest.fixture(scope="module")
def instance(archive, tmp_path_factory):
    found = Instance(tmp_path_factory.mktemp("form"))
    found.install(archive)
    return found


RULES = confs.load(ROOT, "restmap")["validation:savedsearch"]


@pytest.mark.parametrize(
    ("parameter", "value", "on", "says"),
    [
        ("index", "risk", "1", None),
        ("index", "my_risk-2", "1", None),
        ("index", None, "1", None),
        ("index", "action.ssa_risk.param.index", "1", None),
        ("index", "Not An Index", "0", None),
        ("index", "", "1", "name the index"),
        ("index", "Risk", "1", "lower-case letters"),
        ("index", "_risk", "1", "begins with a letter or digit"),
        ("index", "risk; drop", "1", "lower-case letters"),
        ("index", "mykvstore", "1", "kvstore"),
        ("dry_run", "0", "1", None),
        ("dry_run", "1", "1", None),
        ("dry_run", None, "1", None),
        ("dry_run", "maybe", "1", "Yes (1) or No (0)"),
        ("dry_run", "maybe", "0", None),
        ("historic", "1", "1", None),
        ("historic", None, "1", None),
        ("historic", "maybe", "1", "Yes (1) or No (0)"),
        ("severity", "high", "1", None),
        ("severity", None, "1", None),
        ("severity", "urgent", "0", None),
        ("severity", "urgent", "1", "informational, low, medium, high or critical"),
    ],
)
def test_what_a_user_enters_is_checked_with_an_error_that_helps(instance, parameter, value, on, says):
    action = "ssa_alert" if parameter == "severity" else "ssa_risk"
    name = f"action.{action}.param.{parameter}"
    entered = "null()" if value is None else json.dumps(value)
    (row,) = instance.search(
        f'| makeresults | eval "action.{action}"="{on}", "{name}"={entered} | eval error={RULES[name]}'
    ).rows
    assert (says in row["error"]) if says else row["error"] is None


def test_only_parameters_of_the_actions_are_checked():
    known = {f"action.{action}.{key}" for action, settings in ACTIONS.items() for key in settings}
    assert set(RULES) <= known
