"""What users typed is drawn as plain text on every page: it loads no picture, adds no link and no format."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from console import gallery, page_paths, session
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.api.keys import ApiKeys, Scope
from tagging_core.assets.repository import AssetText
from tagging_core.common.users import Role
from tagging_core.curation import plans
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.taxonomy.model import Tag
from tests.conftest import BLUE, GREEN, RED, YELLOW, photo, wait_for
from tests.pages.conftest import press
from tests.pages.markdown_fields import markdown_texts

HOSTILE = "![x](http://evil/x.png)**b**:red[x]$a$<b> www.e.eu m@e.eu"
PROFILE = "e-commerce"
PAGES = [path for name, path in vars(page_paths).items() if name.isupper() and not name.startswith("_")]
VIEWS: dict[str, list[dict[str, str]]] = {
    page_paths.REVIEW: [{}, {"mode": "grid"}, {"mode": "grid", "ask": "garment.dress"}, {"mode": "groups"}],
    page_paths.TAGS: [
        {},
        {"tag": HOSTILE},
        {"tag": "garment.hat"},
        *({"tag": "garment.dress", "tab": tab} for tab in ("Words", "Pictures", "Accuracy", "Changes")),
    ],
    page_paths.SEARCH: [{}, {"q": HOSTILE}, {"q": "alias garment.dress"}, {"tag": "garment.dress", "batch": "1"}],
    page_paths.HISTORY: [{}, {"show": "Versions"}, {"show": "Import and export"}],
    page_paths.PICTURES: [
        *({name: HOSTILE} for name in ("by", "what", "tag", "profile", "batch", "given", "bins", "on", "state")),
        {"tag": "garment.dress", "what": "mistaken", "given": "subject.animal"},
    ],
    page_paths.TRENDS: [{}, {"compare": "batch"}, {"compare": "profile"}],
}
"""Further views of pages, by their URL parameters."""
PARAMETERS = ["tag", "tab", "what", "by", "batch", "profile", "given", "bins", "on", "state", "show", "mode", "ask"]
PARAMETERS += [
    "order",
    "q",
    "like",
    "unlike",
    "category",
    "since",
    "until",
    "from",
    "to",
    "days",
    "grain",
    "compare",
]


@pytest.fixture
def mallory() -> User:
    return User(HOSTILE, frozenset(Role))


@pytest.fixture
def hostile(console: Tagloop, mallory: User, monkeypatch: pytest.MonkeyPatch) -> Tagloop:
    """An installation in which everything that a user can name is called `HOSTILE`."""
    monkeypatch.setattr(gallery, "draw", lambda *_, **__: None)
    curation = console.curation
    taxonomy = console.taxonomy()
    for tag_id in ("garment.dress", "garment.hat", "subject.animal"):
        names = {"en": f"{tag_id} {HOSTILE}", "zh": f"{tag_id} {HOSTILE}"}
        named = replace(taxonomy.tags[tag_id], names=names, aliases={"en": (f"alias {tag_id} {HOSTILE}",)})
        curation.save(mallory, replace(named, definition=HOSTILE))
    category = replace(console.taxonomy().categories["garment"], names={"en": HOSTILE, "zh": HOSTILE})
    curation.apply(mallory, plans.save_category(console.taxonomy(), category))
    curation.apply(mallory, plans.merge(console.taxonomy(), "garment.hat", "garment.dress"))
    curation.propose(User(HOSTILE, frozenset({Role.EDITOR})), Tag("", "garment", {"en": f"new {HOSTILE}"}))
    files = [(f"{n} {HOSTILE}.jpg", photo(colour)) for n, colour in enumerate((RED, GREEN, BLUE, YELLOW))]
    batch = console.ingest.upload(mallory, [*files, (f"{HOSTILE}.png", b"no picture")], PROFILE, name=HOSTILE)
    console.start()
    wait_for(lambda: console.ingest.batch(batch).state == "done")
    review = console.review
    review.set_text(mallory, 1, AssetText(HOSTILE, HOSTILE, HOSTILE))
    for asset in (1, 2):
        shown = {"probability": 0.8, "fingerprint": "tiny"}
        review.decide(mallory, Decision(Kind.ADD, asset, "subject.animal", profile=PROFILE))
        wrong = Decision(Kind.REPLACE, asset, "colour.red", "garment.dress", profile=PROFILE, payload=shown)
        review.decide(mallory, wrong)
        review.decide(mallory, Decision(Kind.DONE, asset, profile=PROFILE, seconds=6.0, payload={"shown": 1}))
    review.decide(mallory, Decision(Kind.FLAG, 3, profile=PROFILE, note=HOSTILE))
    console.curation.protected.protect(mallory, [1], HOSTILE)
    console.analytics.views.save(mallory, HOSTILE, "overview", address={"days": "7"})
    keys = ApiKeys(console.database)
    keys.create(mallory, HOSTILE[:80], [Scope.READ])
    with console.database.write() as connection:
        url = f"http://evil/{HOSTILE.replace(' ', '')}"
        webhook = webhook_outbox.add(connection, mallory, url, kinds=list(EventType))
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": HOSTILE}])
        webhook_outbox.pause(connection, webhook.id, HOSTILE)
    console.model.library.settle()
    curation.proposals.finder.search()
    return console


def test_user_text_is_drawn_as_plain_text_on_every_page(
    hostile: Tagloop, mallory: User, open_page: Callable[..., AppTest]
) -> None:
    for page in PAGES:
        for query in VIEWS.get(page, [{}]):
            assert unescaped(open_page(page, mallory, **query)) == [], (page, query)


def test_what_is_typed_into_a_field_is_drawn_as_plain_text(
    hostile: Tagloop, mallory: User, open_page: Callable[..., AppTest]
) -> None:
    for page in PAGES:
        at = open_page(page, mallory)
        for n in range(len(at.text_input)):
            at.text_input[n].set_value(HOSTILE).run()
            assert unescaped(at) == [], (page, n)


def test_addresses_are_drawn_as_plain_text(
    hostile: Tagloop, mallory: User, open_page: Callable[..., AppTest]
) -> None:
    for page in PAGES:
        assert unescaped(open_page(page, mallory, **dict.fromkeys(PARAMETERS, HOSTILE))) == [], page
    for name in PARAMETERS:
        given = f"garment.dress,{HOSTILE}" if name == "tag" else f"people.{HOSTILE}"
        assert unescaped(open_page(page_paths.PICTURES, mallory, **{name: given})) == [], name


def test_a_removed_view_and_a_tag_that_does_not_exist_are_drawn_as_plain_text(
    hostile: Tagloop, mallory: User, open_page: Callable[..., AppTest]
) -> None:
    at = open_page(page_paths.OVERVIEW, mallory)
    at.session_state["view_removed"] = (1, HOSTILE)
    at.run()
    assert any("Restore" in button.label for button in at.button)
    assert unescaped(at) == []
    at = open_page(page_paths.TAGS, mallory)
    at.text_input[0].set_value("![x](http://y.eu/z.png)").run()
    (info,) = (info.value for info in at.info if "No tag is called" in info.value)
    assert "![x](" not in info
    assert links(drawn(info)) == []


def test_dialogs_and_proposals_draw_plain_text(
    hostile: Tagloop, mallory: User, open_page: Callable[..., AppTest]
) -> None:
    for button in ("Merge …", "Split …", "Move …", "Delete …", "Take out of use …", "Preview changes"):
        at = open_page(page_paths.TAGS, mallory, tag="garment.dress")
        assert unescaped(press(at, button)) == [], button
    at = open_page(page_paths.PROPOSALS, mallory)
    for kind in at.segmented_control(key="proposals_kind").options:
        at.segmented_control(key="proposals_kind").set_value(kind).run()
        assert unescaped(at) == [], kind


def test_a_change_and_its_undo_draw_plain_text(
    hostile: Tagloop, mallory: User, open_page: Callable[..., AppTest]
) -> None:
    at = open_page(page_paths.HISTORY, mallory)
    assert unescaped(press(at, "Undo")) == []
    assert unescaped(press(at, "Details")) == []


def test_an_error_draws_plain_text(hostile: Tagloop, mallory: User, open_page: Callable[..., AppTest]) -> None:
    at = open_page(page_paths.INTEGRATIONS, mallory)
    at.text_input(key="hook_url").set_value(f"ftp://{HOSTILE}")
    press(at, "Add")
    assert at.error
    assert unescaped(at) == []


def unescaped(at: AppTest) -> list[str]:
    """Return the Markdown texts of a page in which `HOSTILE` is not escaped."""
    parts = ("![x](", "(http://evil", "**b**", ":red[x]", "$a$", "<b>")
    return [text for text in markdown_texts(at) if any(part in text for part in parts) or links(drawn(text))]


def drawn(text: str) -> str:
    """The text in which Streamlit looks for addresses and icons, after Markdown's own escapes."""
    return re.sub(r"\\([^\w\s])", r"\1", text).replace("\\_", "_")


def links(text: str) -> list[str]:
    """Return what GitHub's Markdown makes a link of, and the names of icons."""
    return [
        *re.findall(r"(?i)https?://[-.\w]+|www\.[-.\w]+", text),
        *re.findall(r"[-.\w+]+@[-\w]+\.[-.\w]+", text),
        *(name for name in re.findall(r":material/\w+:", text) if "key" in name),
    ]


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        st.text("![]()*_`~:$<>&;#-+.|\\\"'/@=^{}aw. "),
        st.lists(
            st.sampled_from(["http", "https:", "://", "www.", "@", ".", "evil", ":material/key:", " ", "\n"])
        ).map("".join),
        st.just(HOSTILE),
    )
)
def test_escaped_text_is_drawn_as_it_is(text: str) -> None:
    """Checked with a CommonMark parser, which knows links, pictures, emphasis, code, HTML and entities."""
    line = " ".join(text.split())
    (paragraph,) = MarkdownIt("commonmark").parse(f"x{session.plain(line)}x")[1:2]
    assert {child.type for child in paragraph.children or ()} <= {"text", "text_special"}
    content = "".join(child.content for child in paragraph.children or ())
    assert content.replace("\u2060", "") == f"x{line}x".replace("\u2060", "")
    assert links(content) == []
