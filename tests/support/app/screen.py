"""What tests read off a page of the stand-in for Splunk Web."""

import urllib.parse

from playwright.sync_api import Locator

from tools import ROOT
from tools.ui.browser import Screen

AXE = ROOT / "ui/node_modules/axe-core/axe.min.js"


class View(Screen):
    """A page, and what went wrong in it."""

    def failed_searches(self) -> list[str]:
        """Return what is wrong with searches and post-processing: refused, failed, or with an error among messages."""
        wrong = []
        for seen in self.calls("POST", "/search/jobs"):
            if seen.status != 201:
                wrong.append(f"{seen.form.get('label')}: {seen.body.decode()} {seen.form.get('search')}")
        for seen in self.calls("GET", "/search/jobs"):
            for one in seen.json["entry"]:
                messages = [m["text"] for m in one["content"]["messages"] if m["type"] in ("FATAL", "ERROR")]
                wrong += [f"{text} {one['content']['search']}" for text in messages]
        for method in ("GET", "POST"):
            for seen in self.calls(method, "/search/v2/jobs/[^/]+/results(_preview)?"):
                if seen.status not in (200, 204):
                    wrong.append(f"{seen.status} {seen.body.decode()} {seen.form.get('search')}")
        return sorted({*wrong})

    def unanswered(self) -> list[str]:
        """Return the requests that nothing answers; that a job to be cancelled is gone already is an answer."""
        wrong = [seen for seen in self.recorder.exchanges if seen.status in (404, 405, 501)]
        return sorted({f"{seen.method} {seen.path}" for seen in wrong if not seen.path.endswith("/control")})

    def violations(self, within: str = "#root") -> list[str]:
        """Return what axe finds serious or critical inside an element."""
        self.page.add_script_tag(path=AXE)
        result = self.page.evaluate("within => axe.run(within, {resultTypes: ['violations']})", within)
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:200]} {node.get('failureSummary', '')}"
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    def value(self, title: str) -> str:
        """Return what a panel with a single value shows."""
        return self.panel(title).locator("[data-test=majorValue]").first.inner_text()

    def change(self, title: str) -> str:
        """Return the change that a panel with a single value shows next to it, without its direction."""
        return self.panel(title).locator("[data-test=trendValue]").first.inner_text()

    def table(self, title: str) -> list[dict[str, str]]:
        """Return the rows of a panel's table that are shown, by column."""
        return self._rows(self.panel(title))

    def results(self) -> list[dict[str, str]]:
        """Return the rows of the search page."""
        return self._rows(self.page.locator("main"))

    def _rows(self, where: Locator) -> list[dict[str, str]]:
        names, rows = where.locator("table").first.evaluate(
            """table => [
                [...table.querySelectorAll('thead th')].map(cell => cell.innerText.trim()),
                [...table.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.innerText.trim())),
            ]"""
        )
        return [dict(zip(names, row, strict=False)) for row in rows]

    def untitled(self) -> list[str]:
        """Return the titles of panels that are not to be seen; one that a token is part of may say anything.

        What hides itself without data is no such panel.
        """
        found = self.page.evaluate("() => JSON.parse(document.getElementById('view').textContent).definition")
        panels = [panel for panel in found["visualizations"].values() if not panel.get("hideWhenNoData")]
        titles = [panel.get("title", "") for panel in panels]
        shown = self.text
        return [title for title in titles if "$" not in title and title not in shown]

    def speechless(self) -> list[str]:
        """Return the titles of tables and single values that have nothing to show, and do not say why.

        A chart without data is none: Splunk says so in its place.
        """
        found = self._panels("[data-test=message]") + self._panels("[data-test=majorValue]", "N/A")
        return [" ".join(text.split()) for text in found]

    def failing(self) -> list[str]:
        """Return what panels show that have an error in place of their data."""
        found = self._panels("svg[aria-label=Error]")
        return [" ".join(text.split()) for text in found]

    def _panels(self, part: str, text: str = "") -> list[str]:
        """Return the text of each panel with a part (a CSS selector) that has this text, if one is given."""
        found: list[str] = self.page.evaluate(
            """([part, text]) => [...document.querySelectorAll('#root [data-test=viz-size-wrapper]')].map(
                body => body.parentElement).filter(panel => [...panel.querySelectorAll(part)].some(
                one => !text || one.innerText.trim() === text)).map(panel => panel.innerText)""",
            [part, text],
        )
        return found

    def cut(self) -> list[str]:
        """Return the titles that do not fit their panel: they end in an ellipsis."""
        return self._titles("(panel, title) => title && title.scrollWidth > title.clientWidth")

    def sideways(self) -> list[str]:
        """Return the titles of panels with a table that is read whole only by scrolling it sideways."""
        wide = "one => one.scrollWidth > one.clientWidth"
        return self._titles(f"panel => [...panel.querySelectorAll('[data-test=scroll-container]')].some({wide})")

    def below(self, height: int) -> list[str]:
        """Return the titles of panels that are not whole within the first so many pixels of the page."""
        return self._titles(f"panel => panel.getBoundingClientRect().bottom + scrollY > {height}")

    def _titles(self, which: str) -> list[str]:
        """Return the titles of the panels for which a function of the panel and its title holds, from the top."""
        found: list[str] = self.page.evaluate(
            f"""() => [...document.querySelectorAll('#root [data-test=viz-size-wrapper]')].map(
                body => [body.parentElement, body.parentElement.querySelector('[data-test=viz-title]')]).filter(
                ([panel, title]) => ({which})(panel, title)).map(([, title]) => title ? title.textContent : '')"""
        )
        return found

    @property
    def text(self) -> str:
        """What is to be read on the page."""
        return self.page.inner_text("body")

    def token(self, name: str) -> str | None:
        """Return a token's value, as the page's address has it."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.page.url).query)
        return query.get(f"form.{name}", [None])[-1]
