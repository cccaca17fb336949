"""The Instructions page: an owner tries an instruction, sends it to the model, and undoes that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Settings, Tagloop, User
from tagging_core.common.users import Role
from tests.conftest import BLUE, GREEN, RED, ingest, wait_for
from tests.pages.conftest import plain
from tests.tagging_core.curation.test_instructions import PROFILE, InstructedEncoder

Open = Callable[..., AppTest]


@pytest.fixture
def owner() -> User:
    return User("olga", frozenset({Role.OWNER}))


@pytest.fixture
def encoder() -> InstructedEncoder | None:
    return InstructedEncoder()


@pytest.fixture
def working(data_dir: Path, encoder: InstructedEncoder | None) -> Iterator[Tagloop]:
    """Replace the usual fixture by one whose model takes instructions."""
    loop = Tagloop(Settings(data_dir=data_dir, encoder="tiny", ingest_threads=1), encoder=encoder)
    loop.start()
    yield loop
    loop.close()


def press(at: AppTest, label: str) -> AppTest:
    next(b for b in at.button if b.label == label).click().run()
    assert not at.exception
    return at


def choose_profile(at: AppTest) -> AppTest:
    at.session_state["instruction_profile"] = PROFILE
    return at.run()


def texts(at: AppTest) -> str:
    return " ".join(m.value for m in at.markdown)


def test_an_instruction_is_tried_sent_and_undone(
    open_page: Open, console: Tagloop, ann: User, owner: User, encoder: InstructedEncoder
) -> None:
    ingest(console, ann, RED, GREEN, BLUE)
    at = choose_profile(open_page(page_paths.INSTRUCTIONS, owner))
    assert "the default instruction" in texts(at)
    at.text_area(key=f"instruction_{PROFILE}").set_value("Find  the colour.").run()
    encoder.confused = True
    press(at, "Try it on 50 pictures")
    assert {m.label: m.value for m in at.metric}["Pictures with other suggestions"] == "3 of 3"
    assert ":red[− " in texts(at)
    assert not console.taxonomy().profile(PROFILE).followed
    encoder.confused = False
    press(at, "Send to the model")
    assert console.taxonomy().profile(PROFILE).instruction == "Find the colour."
    wait_for(lambda: "embedded with it" in texts(at.run()))
    assert "What would change" not in [s.value for s in at.subheader]
    press(at, "Undo")
    assert "the default instruction" in texts(at)
    assert at.text_area(key=f"instruction_{PROFILE}").value != "Find the colour."


def test_an_empty_instruction_and_an_empty_archive_are_reported(open_page: Open, owner: User) -> None:
    at = choose_profile(open_page(page_paths.INSTRUCTIONS, owner))
    press(at, "Try it on 50 pictures")
    assert any("There are no pictures" in info.value for info in at.info)
    at.text_area(key=f"instruction_{PROFILE}").set_value(" ").run()
    press(at, "Send to the model")
    assert any("instruction for E-commerce is empty" in plain(error.value) for error in at.error)


class TestModelWithoutInstructions:
    @pytest.fixture
    def encoder(self) -> None:
        return None

    def test_the_instruction_waits(self, open_page: Open, console: Tagloop, owner: User) -> None:
        at = choose_profile(open_page(page_paths.INSTRUCTIONS, owner))
        assert any("takes no instructions" in info.value for info in at.info)
        assert next(b for b in at.button if b.label == "Try it on 50 pictures").disabled
        press(at, "Send to the model")
        assert "waiting" in texts(at)
        assert console.taxonomy().profile(PROFILE).followed
