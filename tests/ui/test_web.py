"""The stand-in's own pages, without a browser: what comes from events is text, and only this machine is served."""

import io
import struct

import httpx
import pytest
from rich.console import Console

from tools.ui import pages, pictures
from tools.ui.stage import stage
from tools.ui.web import Web, serving

pytestmark = pytest.mark.needs_no_browser


@pytest.fixture(scope="module")
def web(archive, tmp_path_factory):
    with (
        stage(tmp_path_factory.mktemp("web"), archive, Console(file=io.StringIO()), []) as splunkd,
        serving(Web(splunkd).application) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        yield client


def test_rows_of_a_search_are_text(web):
    hostile = '| makeresults | eval "<b>x"="<img src=x onerror=alert(1)>", y=split("a,b", ",")'
    page = web.get(pages.HOME + "search", params={"q": hostile}).text
    assert "1 results" in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "<td>a\nb</td>" in page


def test_a_search_that_is_none_shows_the_message_of_splunkd(web):
    page = web.get(pages.HOME + "search", params={"q": "| nonsense <i>"}).text
    assert "Unknown search command &#x27;nonsense&#x27;" in page
    assert "<i>" not in page


def test_a_definition_cannot_end_its_script(web):
    assert "</script><script>" not in pages.drawn("view", {"definition": "</script><script>alert(1)</script>"})


def test_the_first_page_is_the_first_view_of_the_navigation(web):
    assert web.get("/", follow_redirects=False).headers["location"] == pages.address("overview")
    page = web.get("/", follow_redirects=True).text
    views = ("Overview", "Entity", "Tuning", "Start here", "Search", "Alert form")
    assert [label for label in views if f">{label}</a>" in page] == [*views]


def test_a_link_without_locale_keeps_its_arguments(web):
    link = "/app/ssa_detections/entity?form.entity=a%20b%26c&x=%22"
    assert web.get(link, follow_redirects=False).headers["location"] == f"/en-US{link}"


@pytest.mark.parametrize("name", ["nothing", "..%2fentity", "%2e%2e"])
def test_there_are_no_other_views(web, name):
    assert web.get(pages.HOME + name).status_code == 404


def test_splunkd_answers_who_has_a_page_alone(web):
    raw = "/en-US/splunkd/__raw/services/authentication/current-context?output_mode=json"
    web.cookies.clear()
    assert web.get(raw).status_code == 401
    assert web.get(raw, headers={"Authorization": "Basic YWRtaW46Y2hhbmdlbWU="}).status_code == 401
    cookie = web.get(pages.HOME + "search").headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert web.get(raw).json()["entry"][0]["content"]["username"] == "admin"


def test_a_page_under_another_name_is_refused(web):
    assert web.get(pages.HOME + "search", headers={"Host": "evil.example"}).status_code == 400


def fingerprint_in(path):
    """Return the fingerprint in a picture; empty if there is none."""
    for _, kind, data in pictures.chunks(path.read_bytes()):
        key, _, text = data.partition(b"\0")
        if (kind, key) == (b"tEXt", pictures.KEYWORD):
            return text.decode("ascii")
    return ""


@pytest.mark.parametrize("size", pictures.SIZES)
@pytest.mark.parametrize("view", pictures.VIEWS)
def test_a_picture_shows_the_view_as_it_is(view, size):
    assert fingerprint_in(pictures.place(view, size)) == pictures.fingerprint(view), "make screenshots"


@pytest.mark.parametrize(("view", "page"), [("overview", "README.md"), ("tuning", "docs/tuning.md")])
def test_a_page_shows_the_picture_of_its_view(view, page):
    shown = pictures.ROOT / page
    assert f"]({pictures.place(view, '').relative_to(shown.parent).as_posix()})" in shown.read_text("utf-8")


def test_a_picture_keeps_what_it_was_drawn_from(tmp_path):
    one = struct.pack(">I", 13) + b"IHDR" + bytes(17)
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + one + one)
    assert fingerprint_in(path) == ""
    pictures.write("overview", path)
    assert fingerprint_in(path) == pictures.fingerprint("overview") != pictures.fingerprint("tuning")
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n" + one) and path.read_bytes().endswith(one)
