"""Every page in a real browser: in both themes, on a phone, without a script, by the keyboard, within its weight."""

import re
from typing import Any

import pytest

from pipetriage.model.archive import Wanted
from tests.browser.conftest import Look, Site

PAGES = {"Incidents": "/", "Trends": "/trends", "Quality": "/quality", "Readiness": "/readiness"}
HEAVIEST = 150_000
"""Bytes of a page with all that it loads."""
# The contrast of every text to the colour behind it, as WCAG 2.1 computes it; what is not shown does not count.
CONTRAST = """() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const light = (c) => { const f = (v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
    return .2126 * f(c[0]) + .7152 * f(c[1]) + .0722 * f(c[2]); };
  const behind = (one) => { for (let at = one; at; at = at.parentElement) {
    const c = parse(getComputedStyle(at).backgroundColor); if (c[3] > .99) return c; } return [255, 255, 255, 1]; };
  const bad = [];
  for (const one of document.querySelectorAll("main *, header *, footer *")) {
    if (one.closest("svg, option, datalist") || !one.checkVisibility()) continue;
    if (![...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const style = getComputedStyle(one);
    const [a, b] = [light(parse(style.color)), light(behind(one))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) bad.push(one.textContent.trim().slice(0, 40) + " " + style.color);
  }
  return bad;
}"""


def incident_of(site: Site, words: str) -> str:
    (one, *_) = site.store.archive().page(Wanted(words=words)).headings
    return f"/incidents/{one.incident_id}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_fits_is_legible_and_weighs_little(look: Look, site: Site, scheme: str, width: int) -> None:
    watched = look(width, scheme)
    watched.logged_in()
    for path in (*PAGES.values(), incident_of(site, "shop_sales"), incident_of(site, "orders_daily")):
        watched.bytes = 0
        page = watched.open(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.get_by_role("heading", level=1).count() == 1
        assert page.get_by_role("main").is_visible()
        assert page.evaluate(CONTRAST) == [], path
        assert watched.bytes < HEAVIEST, path
        assert page.title().endswith("· pipetriage")


def test_all_that_is_pressed_on_a_phone_is_large_enough(look: Look, site: Site) -> None:
    watched = look(360)
    watched.logged_in()
    for path in ("/", incident_of(site, "shop_sales"), "/readiness"):
        page = watched.open(path)
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, select, summary, nav a, input:not([type=hidden])")]
              .filter((one) => one.checkVisibility())
              .map((one) => [one, (one.closest("label") || one).getBoundingClientRect()])
              .filter(([, box]) => box.height > 0 && box.height < 43.5)
              .map(([one, box]) => one.outerHTML.slice(0, 80) + " " + box.height)"""
        )
        assert small == [], path


def test_a_person_sees_at_a_glance_what_is_unsafe_why_since_when_and_whose(look: Look) -> None:
    page = look().logged_in()
    row = page.get_by_role("row").filter(has_text="shop_sales")

    for said in ("Not safe to retry", "PARTIAL", "9 of 12 expected partitions", "ago", "manual review queue", "as of"):
        assert said in row.inner_text().replace("\u200b", ""), said
    row.get_by_role("link", name=re.compile("shop_sales")).click()
    page.get_by_role("heading", level=1, name=re.compile("NOT SAFE TO RETRY")).wait_for()
    for name in ("Do next", "When", "What was written", "Who already read it", "Rule by rule", "Evidence", "Not seen"):
        assert page.get_by_role("heading", name=name, exact=True).is_visible(), name
    for picture in ("What happened when", "Partitions of sales.shop_sales_staging", "Who read the partial data"):
        assert page.get_by_role("img", name=picture).first.is_visible(), picture
    assert page.get_by_text("96,318 would be there twice").is_visible()
    assert page.locator("mark").first.is_visible()


def test_the_list_is_filtered_without_a_script(look: Look) -> None:
    watched = look(java_script_enabled=False)
    page = watched.logged_in()
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Words").fill("shop_sales")
    page.get_by_role("button", name="Show").click()

    assert page.get_by_role("row").filter(has_text="shop_sales").count() == 1
    assert page.get_by_role("row").filter(has_text="clicks_hourly").count() == 0
    assert "words=shop_sales" in page.url


def test_names_that_would_be_markup_or_turn_the_text_around_are_shown(look: Look, site: Site) -> None:
    page = look().logged_in()
    page.goto(f"{site.address}/?standing=ALL&words=onerror")

    shown = page.get_by_role("main").inner_text()
    assert "<img src=x onerror=alert(1)>" in shown
    assert "\u202e" not in shown
    assert page.locator("main img").count() == 0


def test_readiness_is_looked_at_when_somebody_asks(look: Look) -> None:
    page = look().logged_in("/readiness")
    assert page.get_by_text("Nothing was looked at").is_visible()
    page.get_by_role("button", name="Look now").click()

    page.get_by_role("heading", name=re.compile("^orders")).wait_for()
    assert page.get_by_role("row").filter(has_text="table commits").get_by_text("there").is_visible()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="signals (CSV)").click()
    assert downloading.value.path().read_text().startswith("pipeline,signal,state")


def test_who_is_not_logged_in_is_sent_there_and_comes_back(look: Look, site: Site) -> None:
    watched = look()
    path = incident_of(site, "shop_sales")
    page = watched.log_in(path)
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Your token").wait_for()

    assert watched.open(path).url.startswith(f"{site.address}/login")


def test_a_wrong_token_is_refused_in_words(look: Look, site: Site) -> None:
    watched = look()
    page = watched.open("/login")
    page.get_by_label("Your token").fill("ptk_wrong")
    page.get_by_role("button", name="Log in").click()

    page.get_by_role("alert").wait_for()
    assert "Refused" in page.get_by_role("alert").inner_text()
    refused = [one for one in watched.wrong if "403" in one]
    assert refused
    watched.wrong = [one for one in watched.wrong if one not in refused]


def focused(page: Any) -> str:
    return str(page.evaluate("(document.activeElement.innerText || document.activeElement.name || '').trim()"))


def test_the_keyboard_reaches_everything_and_shows_where_it_is(look: Look) -> None:
    page = look().logged_in()
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(focused(page))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", reached[-1]
    assert reached[:5] == ["pipetriage", "Incidents", "Trends", "Quality", "Readiness"]
