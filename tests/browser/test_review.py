"""The review of an incident, clicked through; and a page that is open while others work."""

import re
from datetime import UTC, datetime

from msgspec.structs import replace

from pipetriage.model.archive import Wanted
from pipetriage.model.categories import Category
from pipetriage.model.incident import Incident
from pipetriage.model.review import Review
from tests.browser.conftest import Look, Site


def newest(site: Site, words: str) -> Incident:
    (one, *_) = site.store.archive().page(Wanted(words=words)).headings
    return site.store.get(one.incident_id)


def test_a_verdict_is_overridden_and_stands(look: Look, site: Site) -> None:
    incident = newest(site, "shop_sales")
    page = look(390, "dark").logged_in(f"/incidents/{incident.incident_id}")
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_label("Override: something was wrong").check()
    page.get_by_text("What was right instead").click()
    page.get_by_label("What really broke").select_option("DATA_SKEW")
    page.get_by_label("What was really done").fill("restored the snapshot; password=hunter2hunter2")
    page.get_by_label("Closed: nothing partial is left").check()
    page.get_by_role("button", name="Save the review").click()

    page.get_by_role("status").filter(has_text="Your review is kept").wait_for()
    assert page.get_by_role("heading", level=1).inner_text().startswith("NOT SAFE TO RETRY")
    assert page.get_by_text("The verdict above stays as it was given.").is_visible()
    assert page.get_by_text("Done: restored the snapshot").is_visible()
    assert "hunter2hunter2" not in page.content()
    (review,) = site.store.reviews(incident.incident_id)
    assert (review.failure_category, review.safe_to_retry, review.closed) == (Category.DATA_SKEW, False, True)
    assert site.store.get(incident.incident_id).failure_category is incident.failure_category
    page.get_by_role("link", name="Quality", exact=True).click()
    assert page.get_by_role("row").filter(has_text=incident.incident_id).get_by_text("DATA_SKEW").is_visible()


def test_a_review_that_contradicts_itself_is_not_kept_and_nothing_typed_is_lost(look: Look, site: Site) -> None:
    incident = newest(site, "orders_daily")
    before = site.store.reviews(incident.incident_id)
    watched = look()
    page = watched.logged_in(f"/incidents/{incident.incident_id}")
    page.get_by_label("Override: something was wrong").check()
    page.get_by_label("Note").fill("what I found out")
    page.get_by_role("button", name="Save the review").click()

    page.get_by_role("alert").filter(has_text="Nothing is overridden").wait_for()
    assert page.get_by_label("Note").input_value() == "what I found out"
    assert site.store.reviews(incident.incident_id) == before
    watched.wrong = [one for one in watched.wrong if "422" not in one]


def test_the_keyboard_alone_is_enough_to_agree(look: Look, site: Site) -> None:
    incident = newest(site, "orders_daily")
    count = len(site.store.reviews(incident.incident_id))
    page = look().logged_in(f"/incidents/{incident.incident_id}")
    page.get_by_label("Agree: it was right").focus()
    page.keyboard.press("Space")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Save the review":
            break
    page.keyboard.press("Enter")

    page.get_by_role("status").filter(has_text="Your review is kept").wait_for()
    assert len(site.store.reviews(incident.incident_id)) == count + 1
    assert page.get_by_text(re.compile("Confirmed")).first.is_visible()


def test_an_open_page_shows_what_others_did_and_keeps_what_is_typed(look: Look, site: Site) -> None:
    incident = newest(site, "clicks_hourly")
    page = look().logged_in(f"/incidents/{incident.incident_id}")
    page.get_by_label("Note").fill("half a sent")
    page.locator("#history summary").click()
    at = datetime.now(UTC)
    site.store.add_review(
        incident.incident_id,
        Review(
            by="bob at another desk",
            reviewed_at=at,
            failure_category=incident.failure_category,
            safe_to_retry=incident.safe_to_retry,
        ),
    )

    page.get_by_text("bob at another desk").first.wait_for()
    assert page.get_by_label("Note").input_value() == "half a sent"
    assert page.locator("#history").get_attribute("open") is not None
    assert "Live" in page.locator("#live-state").inner_text()
    assert "updated" in page.locator("#said").text_content()


def test_a_new_incident_appears_in_an_open_list(look: Look, site: Site) -> None:
    page = look().logged_in()
    known = newest(site, "clicks_hourly")
    named = {"incident_id": "inc_feedfeedfeedfeed", "job_run_id": "jr_new", "batch_key": "new", "batch_id": "just-now"}
    site.store.save(replace(known, **named, created_at=datetime.now(UTC)))

    page.get_by_role("link", name=re.compile("just-now")).wait_for()


def test_what_changed_since_the_verdict_is_told_and_looked_at_again(look: Look, site: Site) -> None:
    (one, *_) = site.store.archive().page(Wanted(pipeline="orders")).headings
    page = look().logged_in(f"/incidents/{one.incident_id}")
    page.get_by_text("Nothing changed").wait_for()
    verdicts = len(site.store.history(one.incident_id))
    page.get_by_role("button", name="Look again").click()

    page.get_by_role("heading", level=1).wait_for()
    again = site.store.archive().heading(one.incident_id)
    assert again is not None
    assert again.last_seen > one.last_seen
    assert len(site.store.history(one.incident_id)) == verdicts, "the same verdict again is counted, not repeated"
    page.get_by_text("Nothing changed").wait_for()
