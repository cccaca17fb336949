"""Proposals about the tag library, each with its evidence and buttons to act on it or dismiss it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import streamlit as st

from console import gallery, page_paths, session
from console.tags import change_preview, dialogs
from tagging_core import Decision, Kind, TaggingError
from tagging_core.common import Action
from tagging_core.curation import plans
from tagging_core.curation.proposals import Proposal
from tagging_core.taxonomy import Tag

TITLES = {
    "synonyms": "Synonyms",
    "split": "To split",
    "new": "New tags",
    "confusion": "Confused",
    "wrong": "Wrong examples",
    "backfill": "Back-fills",
}
EXPLAINED = {
    "synonyms": "Two tags that may be one: their names have nearly the same meaning, their pictures look alike.",
    "split": "Tags whose pictures form two clusters, each of which may deserve its own tag.",
    "new": "Clusters of pictures that no tag fits, and tags that editors proposed.",
    "confusion": "Suggested where people gave another tag. A clearer definition, prompt or more examples help.",
    "wrong": "Pictures that are, by leave-one-out, the least likely to have their tag. Some are mistakes.",
    "backfill": "Reviewed pictures that a new or changed tag probably affects, waiting for somebody to look.",
}
NOTHING = "No proposals of this kind. Tagloop checks again after new decisions."
PAGE = 12
"""Proposals drawn at once."""

_SHOWN = 12
_WRONG_PER_TAG = 6  # wrong examples of one tag shown together


def draw(kind: str, listed: Sequence[Proposal]) -> None:
    """Draw proposals of one kind, without those about tags that are no longer active."""
    taxonomy = session.loop().taxonomy()
    if kind == "wrong":
        by_tag = groupby(sorted(listed, key=lambda p: p.subjects[0]), key=lambda p: p.subjects[0])
        for tag_id, found in by_tag:
            if tag_id in taxonomy.tags and taxonomy.tags[tag_id].state == "active":
                _draw_wrong(taxonomy.tags[tag_id], list(found)[:_WRONG_PER_TAG])
        return
    for proposal in listed:
        if kind == "new":
            _draw_new(proposal)
            continue
        concerned = [taxonomy.tags.get(tag_id) for tag_id in proposal.subjects]
        mine = [tag for tag in concerned if tag is not None and tag.state == "active"]
        if len(mine) == len(concerned):
            _DRAW[kind](proposal, *mine)


def draw_typed(tag: Tag) -> None:
    """Draw a tag proposed by an editor; its pictures have it already."""
    loop = session.loop()
    taxonomy = loop.taxonomy()
    found = loop.curation.health.latest_pictures(tag.id, _SHOWN)
    n = loop.curation.health.counts([tag.id]).get(tag.id, (0, 0))[0]
    with st.container(border=True):
        category = taxonomy.categories[tag.category_id].name(session.language())
        st.markdown(
            f"**{_name(tag)}** :gray[proposed by an editor, in {session.plain(category)}, on {n:,} pictures]"
        )
        gallery.draw_strip([(asset_id, "") for asset_id in found])
        if _may_curate():
            with st.container(horizontal=True):
                _plan_button(
                    "Approve", f"approve_{tag.id}", plans.set_state(taxonomy, tag.id, "active"), primary=True
                )
                st.button("Merge …", key=f"merge_{tag.id}", on_click=dialogs.merge, args=(tag.id,))
                _open_button(tag, tag.id)
                _plan_button("Decline", f"decline_{tag.id}", plans.set_state(taxonomy, tag.id, "deprecated"))


def _draw_synonyms(proposal: Proposal, first: Tag, second: Tag) -> None:
    evidence = proposal.evidence
    reasons = [f"names {evidence['meaning']:.0%} similar in meaning"]
    if evidence["alike"]:
        reasons.append(f"pictures {max(0.0, evidence['alike']):.0%} similar")
    reasons.append(f"{evidence['together']:.0%} of the rarer one's pictures have both")
    if evidence["confused"]:
        reasons.append(f"confused {evidence['confused']:,} times")
    if evidence["spelled"] >= 90:
        reasons.append("similar spelling")
    counts = session.loop().curation.health.counts([first.id, second.id])
    shown = {tag.id: session.loop().curation.health.latest_pictures(tag.id, 5) for tag in (first, second)}
    # By default, the tag with more pictures stays.
    rare, frequent = sorted((first, second), key=lambda tag: counts.get(tag.id, (0, 0)))
    with st.container(border=True):
        st.markdown(f"**{_name(first)}** and **{_name(second)}** :gray[{', '.join(reasons)}]")
        for column, tag in zip(st.columns(2), (first, second), strict=True):
            with column:
                st.caption(f"{_name(tag)}: {counts.get(tag.id, (0, 0))[0]:,} pictures")
                gallery.draw_strip([(asset_id, "") for asset_id in shown[tag.id]], width=84)
        if _may_curate():
            with st.container(horizontal=True):
                st.button(
                    f"Merge {_name(rare)} into {_name(frequent)} …",
                    key=f"accept_{proposal.key}",
                    on_click=dialogs.merge,
                    args=(rare.id, frequent.id),
                    type="primary",
                )
                st.button(
                    "The other way around …",
                    key=f"turn_{proposal.key}",
                    on_click=dialogs.merge,
                    args=(frequent.id, rare.id),
                )
                _dismiss_button(proposal)


def _draw_split(proposal: Proposal, tag: Tag) -> None:
    parts = proposal.evidence["parts"]
    with st.container(border=True):
        st.markdown(
            f"**{_name(tag)}** :gray[{len(parts[0]):,} and {len(parts[1]):,} pictures, silhouette "
            f"{proposal.evidence['silhouette']:.2f} of at most 1]"
        )
        for column, part in zip(st.columns(2), parts, strict=True):
            with column:
                gallery.draw_strip([(asset_id, "") for asset_id in part[:10]], width=84)
        if _may_curate():
            with st.container(horizontal=True):
                st.button(
                    "Split …",
                    key=f"accept_{proposal.key}",
                    on_click=dialogs.split,
                    args=(tag.id, parts[1]),
                    type="primary",
                    help="Opens with the smaller cluster selected",
                )
                _dismiss_button(proposal)


def _draw_new(proposal: Proposal) -> None:
    found, names = proposal.evidence["pictures"], proposal.evidence["names"]
    with st.container(border=True):
        st.markdown(f"**{len(found):,} pictures that no tag fits**")
        gallery.draw_strip([(asset_id, "") for asset_id in found[:_SHOWN]])
        if _may_curate():
            with st.container(horizontal=True, vertical_alignment="bottom"):
                name = st.selectbox(
                    "Name of the new tag",
                    names,
                    key=f"name_{proposal.key}",
                    accept_new_options=True,
                    width=280,
                    help="Proposed by similarity to the pictures; type another one if none fits",
                )
                categories = session.loop().taxonomy().categories
                category = st.selectbox(
                    "Category",
                    list(categories),
                    format_func=lambda c: categories[c].name(session.language()),
                    key=f"category_{proposal.key}",
                    width=220,
                )
                st.button(
                    f"Create it, with these {len(found):,} as examples",
                    key=f"accept_{proposal.key}",
                    on_click=_create_tag,
                    args=(proposal, category, name),
                    type="primary",
                )
                _dismiss_button(proposal)


def _draw_confusion(proposal: Proposal, shown: Tag, given: Tag) -> None:
    with st.container(border=True):
        times = proposal.evidence["times"]
        st.markdown(f"**{_name(shown)}** suggested where people gave **{_name(given)}** :gray[{times:,} times]")
        gallery.draw_strip([(asset_id, "") for asset_id in proposal.evidence["pictures"]])
        if _may_curate():
            with st.container(horizontal=True):
                _open_button(shown, proposal.key)
                _open_button(given, proposal.key)
                st.button("Merge …", key=f"merge_{proposal.key}", on_click=dialogs.merge, args=(shown.id, given.id))
                _dismiss_button(proposal)


def _draw_wrong(tag: Tag, found: Sequence[Proposal]) -> None:
    known = gallery.load([proposal.evidence["picture"] for proposal in found])
    with st.container(border=True):
        st.markdown(f"**{_name(tag)}**")
        with st.container(horizontal=True, gap="small"):
            for proposal in found:
                with st.container(width=150):
                    probability = proposal.evidence["probability"]
                    gallery.draw_strip([(proposal.evidence["picture"], f"{probability:.1%}")], 132, known)
                    if _may_curate():
                        st.button(
                            "Remove tag",
                            key=f"accept_{proposal.key}",
                            on_click=_reject_tag,
                            args=(proposal, tag),
                            help="The picture does not have this tag",
                        )
                        _dismiss_button(proposal, "It is right")


_DRAW: dict[str, Callable[..., None]] = {
    "synonyms": _draw_synonyms,
    "split": _draw_split,
    "confusion": _draw_confusion,
}
"""Drawing function by kind, of a proposal and its tags."""


def _create_tag(proposal: Proposal, category: str, name: str | None) -> None:
    """Create a tag from a cluster, with its pictures as the first examples."""
    loop, user = session.loop(), session.current_user()
    try:
        plan = plans.save(loop.taxonomy(), Tag("", category, {"en": name or ""}))
        profiles = loop.taxonomy().profiles_with(category)
        profile = profiles[0].id if profiles else "general"
        examples = tuple(
            Decision(Kind.ADD, asset_id, plan.tags[0].id, profile=profile, payload={"radar": True})
            for asset_id in proposal.evidence["pictures"]
        )
    except TaggingError as error:
        session.defer_error(error)
        return
    if change_preview.apply(replace(plan, decisions=examples)):
        loop.curation.proposals.dismiss(user, proposal.key)


def _reject_tag(proposal: Proposal, tag: Tag) -> None:
    loop, user = session.loop(), session.current_user()
    profiles = loop.taxonomy().profiles_with(tag.category_id)
    profile = profiles[0].id if profiles else "general"
    picture = proposal.evidence["picture"]
    try:
        loop.review.decide(user, Decision(Kind.REJECT, picture, tag.id, profile=profile, payload={"example": True}))
        loop.curation.proposals.dismiss(user, proposal.key)
    except TaggingError as error:
        session.defer_error(error)
    else:
        st.toast("The tag was removed from the picture. Undo it in Review, with Z.", icon=":material/check:")


def _dismiss(key: str) -> None:
    try:
        session.loop().curation.proposals.dismiss(session.current_user(), key)
    except TaggingError as error:
        session.defer_error(error)
    else:
        st.session_state["proposal_dismissed"] = key


def _dismiss_button(proposal: Proposal, word: str = "Dismiss") -> None:
    st.button(
        word,
        key=f"dismiss_{proposal.key}",
        on_click=_dismiss,
        args=(proposal.key,),
        type="tertiary",
        help="It will not be proposed again",
    )


def _plan_button(word: str, key: str, plan: plans.Plan, *, primary: bool = False) -> None:
    st.button(word, key=key, on_click=_apply, args=(plan,), type="primary" if primary else "secondary")


def _apply(plan: plans.Plan) -> None:
    change_preview.apply(plan)


def _open_button(tag: Tag, key: str) -> None:
    if st.button(f"Open {_name(tag)}", key=f"open_{tag.id}_{key}"):
        st.switch_page(page_paths.TAGS, query_params={"tag": tag.id})


def _name(tag: Tag) -> str:
    return session.plain(session.tag_label(tag))


def _may_curate() -> bool:
    return session.current_user().may(Action.CURATE)
