from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from console import gallery, page_paths
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.analytics import drift
from tagging_core.common.users import Role
from tests.conftest import BLUE, GREEN, RED, ingest
from tests.pages.conftest import plain

Open = Callable[..., AppTest]
CHARTS = [page_paths.OVERVIEW, page_paths.TRENDS, page_paths.ACCURACY, page_paths.PEOPLE, page_paths.SAVINGS]
PROFILE = "e-commerce"
DRESS = "garment.dress"


@pytest.fixture
def work(console: Tagloop, ann: User) -> list[int]:
    """Three pictures, two of them finished."""
    found = ingest(console, ann, RED, BLUE, GREEN)
    for asset, kind in zip(found, (Kind.ACCEPT, Kind.REJECT), strict=False):
        shown = {"probability": 0.8, "fingerprint": "tiny"}
        console.review.decide(ann, Decision(kind, asset, DRESS, profile=PROFILE, payload=shown, seconds=2.0))
        console.review.decide(ann, Decision(Kind.DONE, asset, profile=PROFILE, seconds=6.0, payload={"shown": 1}))
    return found


def charts(at: AppTest) -> Iterator[dict]:
    for chart in at.get("plotly_chart"):
        yield json.loads(chart.proto.spec)


def numbers(found: dict | list) -> list[float]:
    """Decode an array that Plotly may have encoded as base64."""
    if isinstance(found, list):
        return found
    return np.frombuffer(base64.b64decode(found["bdata"]), found["dtype"]).tolist()


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


@pytest.mark.parametrize("page", CHARTS)
def test_without_decisions_the_page_says_what_to_do(open_page: Open, page: str) -> None:
    at = open_page(page)
    assert at.info
    assert not at.get("plotly_chart")
    assert any(link.page.endswith("review") for link in at.get("page_link"))


@pytest.mark.parametrize("page", [*CHARTS, page_paths.DRIFT, page_paths.PICTURES])
def test_managers_can_open_every_page_and_editors_none(
    open_page: Open, manager: User, work: list[int], page: str
) -> None:
    assert not open_page(page, user=manager).error
    with pytest.raises(Exception, match="page"):
        open_page(page, user=User("ed", frozenset({Role.EDITOR})))


def test_the_overview_summarises_the_week(open_page: Open, work: list[int]) -> None:
    at = open_page(page_paths.OVERVIEW, days="7")
    assert metrics(at) == {
        "New pictures": "3",
        "Finished": "2",
        "Waiting": "1",
        "Accepted without change": "100%",
        "Precision": "50%",
        "Recall": "100%",
        "Hours saved": "0.0",
        "Sensitive, or copies": "0",
    }
    assert len(at.get("plotly_chart")) == 1
    main = [link for link in at.main.get("page_link") if link.label == "Pictures"]
    assert len(main) == 9  # one for each figure and one for the chart


def test_the_report_is_a_single_file_with_the_figures(open_page: Open, work: list[int], console: Tagloop) -> None:
    from console.insights import report
    from console.insights.filters import Choice
    from tagging_core.common.periods import Period
    from tagging_core.common.users import local_user
    from tagging_core.storage import key_values

    with console.database.read() as connection:
        choice = Choice(Period.latest(30, key_values.today(connection)))
    found = report.build(console, local_user("<b>Mo"), "en", choice=choice)
    assert "What the content is about" in found
    assert "<th>Finished pictures</th><td>2</td>" in found
    assert "&lt;b&gt;Mo" in found
    assert found.count("plotly.js v") == 1  # embedded exactly once
    assert 'src="http' not in found


def test_trends_plot_the_chosen_tags_and_link_to_their_pictures(open_page: Open, work: list[int]) -> None:
    at = open_page(page_paths.TRENDS, tags=DRESS, days="7")
    assert at.multiselect[0].value == [DRESS]
    (figure,) = charts(at)
    line = next(trace for trace in figure["data"] if trace.get("name") == "Dress")
    assert numbers(line["y"])[-1] == 0.5
    query = json.loads(line["customdata"][-1][0])
    assert query["tag"] == DRESS
    assert query["from"] == query["to"]


@pytest.mark.parametrize(
    ("show", "n"), [("What it is about", 2), ("Together", 0), ("Compare", 0), ("What changed", 1)]
)
def test_every_trends_view_shows_its_charts(open_page: Open, work: list[int], show: str, n: int) -> None:
    at = open_page(page_paths.TRENDS, show=show)
    assert not at.error
    assert len(at.get("plotly_chart")) == n


def test_two_batches_are_compared(open_page: Open, console: Tagloop, ann: User, work: list[int]) -> None:
    (other,) = ingest(console, ann, (1, 2, 3))
    console.review.decide(ann, Decision(Kind.ADD, other, DRESS, profile=PROFILE))
    console.review.decide(ann, Decision(Kind.DONE, other, profile=PROFILE))
    at = open_page(page_paths.TRENDS, show="Compare", compare="Two batches")
    (figure,) = charts(at)
    assert sorted(numbers(trace["x"])[0] for trace in figure["data"]) == [0.5, 1.0]


def test_filters_come_from_the_url_and_carry_over_to_other_pages(open_page: Open, work: list[int]) -> None:
    at = open_page(page_paths.TRENDS, days="90", on="uploaded", grain="month", profile="e-commerce")
    assert [s.value for s in at.selectbox] == ["month", "uploaded", "e-commerce"]
    at.switch_page(page_paths.ACCURACY).run()
    assert at.segmented_control(key="filter_days_accuracy").value == "90"
    assert at.query_params["days"] == "90"


@pytest.mark.parametrize(
    "query", [{"days": "soon"}, {"days": "other", "between": "x_y"}, {"profile": "none"}, {"tags": "no.tag"}]
)
def test_invalid_url_parameters_fall_back_to_defaults(
    open_page: Open, work: list[int], query: dict[str, str]
) -> None:
    at = open_page(page_paths.TRENDS, **query)
    assert not at.error
    assert at.get("plotly_chart")


def test_a_view_is_saved_shared_deleted_and_restored(open_page: Open, manager: User, work: list[int]) -> None:
    at = open_page(page_paths.TRENDS, days="90")
    at.text_input(key="view_name").set_value("Quarter")
    next(b for b in at.button if b.label == "Save").click().run()
    managers_page = open_page(page_paths.TRENDS, user=manager)
    link = next(link for link in managers_page.get("page_link") if link.label == "Quarter")
    assert "days=90" in link.proto.query_string
    managers_page.button(key="view_1").click().run()
    assert "Quarter" not in {link.label for link in managers_page.get("page_link")}
    next(b for b in managers_page.button if b.label == "Restore “Quarter”").click().run()
    assert "Quarter" in {link.label for link in managers_page.get("page_link")}


def test_accuracy_shows_both_sources_and_plots_the_one_with_enough_data(open_page: Open, work: list[int]) -> None:
    at = open_page(page_paths.ACCURACY)
    assert [m.value for m in at.metric] == ["–", "–", "50%", "100%"]
    assert len(at.get("plotly_chart")) == 3
    unseen = next(m.value for m in at.markdown if "95% precision" in m.value)
    assert "nothing could be accepted unseen" in unseen


def test_accuracy_by_tag_omits_figures_with_too_few_cases(open_page: Open, work: list[int]) -> None:
    at = open_page(page_paths.ACCURACY, show="By tag, profile, person")
    row = at.dataframe[0].value.set_index("Name").loc["Dress"]
    assert (row["Predictions"], row["Interval"], row["Source"]) == (2, "9% to 91%", "As shown")
    assert row["Precision"] is None or row["Precision"] != row["Precision"]


def test_confusions_and_the_effects_of_changes_are_shown(
    open_page: Open, console: Tagloop, ann: User, work: list[int]
) -> None:
    shown = {"probability": 0.9, "fingerprint": "tiny"}
    console.review.decide(ann, Decision(Kind.REPLACE, work[2], DRESS, "garment.hat", PROFILE, payload=shown))
    (figure,) = charts(open_page(page_paths.ACCURACY, show="Taken for one another"))
    assert figure["data"][0]["y"] == ["Dress → Hat"]
    from tagging_core.curation import plans

    console.curation.apply(ann, plans.set_state(console.taxonomy(), DRESS, "deprecated"))
    at = open_page(page_paths.ACCURACY, show="Before and after")
    text = " ".join(m.value for m in at.markdown)
    assert "Took Dress out of use" in text
    assert "`tiny`" in text


def test_people_are_listed_by_name_without_rates_from_too_few_cases(open_page: Open, work: list[int]) -> None:
    table = open_page(page_paths.PEOPLE).dataframe[0].value
    assert table["Person"].tolist() == ["Ann"]
    assert table["Finished"].tolist() == [2]
    assert table["Pictures per hour"].isna().all()


def test_savings_follow_the_assumptions(open_page: Open, work: list[int]) -> None:
    at = open_page(page_paths.SAVINGS, hand="66", hour="60", monthly="0", once="10", days="30")
    found = metrics(at)
    assert (found["With suggestions"], found["Without"], found["Hours saved"]) == ("6.0 s", "66.0 s", "0.0")
    assert found["Saved per month"] == "2"
    assert found["Break-even after"] == "4.9 months"


def test_drift_reports_that_there_are_too_few_pictures(open_page: Open, console: Tagloop, work: list[int]) -> None:
    drift.check_if_due(console.database, console.model.library, console.taxonomy())
    at = open_page(page_paths.DRIFT)
    assert any("Too few pictures" in m.value for m in at.markdown)
    assert not at.get("plotly_chart")


def test_the_pictures_behind_a_figure_are_listed(
    open_page: Open, work: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[int]] = []
    monkeypatch.setattr(gallery, "draw", lambda page, shown, *_, **__: drawn.append([a.id for a, _ in shown]))
    open_page(page_paths.PICTURES, tag=DRESS)
    open_page(page_paths.PICTURES, what="shown.wrong", tag=DRESS)
    open_page(page_paths.PICTURES, state="new")
    assert drawn == [[work[0]], [work[1]], [work[2]]]
    assert "There are no such pictures" in open_page(page_paths.PICTURES, tag="garment.hat").info[0].value
    assert "There are no such pictures" in open_page(page_paths.PICTURES, state="sensitive").info[0].value


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"tag": "no.tag"}, "There is no tag 'no.tag'"),
        ({"what": "magic"}, "no pictures of the kind 'magic'"),
        ({"from": "yesterday", "to": "today"}, "This URL is invalid"),
        ({"batch": "last"}, "This URL is invalid"),
        ({"what": "shown", "bins": "90"}, "This URL is invalid"),
        ({"on": "eaten"}, "This URL is invalid"),
    ],
)
def test_an_invalid_url_is_reported(open_page: Open, query: dict[str, str], message: str) -> None:
    assert message in plain(open_page(page_paths.PICTURES, **query).error[0].value)
