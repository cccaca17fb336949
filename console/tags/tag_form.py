"""Form for a tag's names, category and prompts, with a preview of how suggestions would change."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from console import gallery, session
from console.tags import change_preview
from tagging_core import TaggingError
from tagging_core.common import Action
from tagging_core.curation import plans
from tagging_core.curation.prompt_trial import ProbabilityChange, PromptTrial
from tagging_core.taxonomy import Tag, Taxonomy
from tagging_core.taxonomy.model import LANGUAGES

_SHOWN = 10
_LANGUAGES = {"en": "English", "zh": "Chinese"}


def draw(key: str, tag: Tag) -> None:
    """Draw the form; a tag without an id is new."""
    may_edit = session.current_user().may(Action.CURATE)
    taxonomy = session.loop().taxonomy()
    codes = [*LANGUAGES, *sorted({*tag.names, *tag.aliases} - set(LANGUAGES))]
    with st.form(key, border=False):
        for code in codes:
            left, right = st.columns(2)
            title = _LANGUAGES.get(code, code)
            left.text_input(f"{title} name", tag.names.get(code, ""), key=f"{key}_{code}", disabled=not may_edit)
            words = ", ".join(tag.aliases.get(code, []))
            right.text_input(
                f"{title} aliases, comma-separated", words, key=f"{key}_aliases_{code}", disabled=not may_edit
            )
        left, right = st.columns(2)
        _draw_place(left, right, key, tag=tag, taxonomy=taxonomy, may_edit=may_edit)
        st.text_area("When to use it", tag.definition, key=f"{key}_definition", height=80, disabled=not may_edit)
        st.text_area(
            "What the model looks for, in English, one description per line",
            "\n".join(tag.prompts),
            key=f"{key}_prompts",
            height=100,
            help="If empty, it is generated from the English names. Synonyms help: 'a hat, cap or beanie'.",
            disabled=not may_edit,
        )
        model = session.loop().model.preset
        with st.expander("For one model only", expanded=model.name in tag.own_prompts):
            st.text_area(
                f"What {model.title} looks for",
                "\n".join(tag.own_prompts.get(model.name, [])),
                key=f"{key}_own",
                height=100,
                help="Replaces the descriptions above while this model is active",
                disabled=not may_edit,
            )
        st.toggle(
            "Sensitive",
            tag.sensitive,
            key=f"{key}_sensitive",
            disabled=not may_edit,
            help="Always shown for review, and never accepted unseen or many at once",
        )
        if may_edit:
            with st.container(horizontal=True):
                revision = taxonomy.revision
                st.form_submit_button(
                    "Save", type="primary", on_click=_save, args=(key, tag, codes), kwargs={"revision": revision}
                )
                st.form_submit_button(
                    "Preview changes",
                    on_click=_preview,
                    args=(key, tag, codes),
                    icon=":material/compare_arrows:",
                    help="Pictures that would gain or lose the suggestion; nothing is saved",
                )
    if (trial := st.session_state.get(f"{key}_trial")) is not None:
        _draw_trial(*trial)


def _draw_place(
    left: DeltaGenerator, right: DeltaGenerator, key: str, *, tag: Tag, taxonomy: Taxonomy, may_edit: bool
) -> None:
    ids = list(taxonomy.categories)
    left.selectbox(
        "Category",
        ids,
        index=ids.index(tag.category_id),
        format_func=lambda c: taxonomy.categories[c].name(session.language()),
        key=f"{key}_category",
        disabled=not may_edit,
    )
    parents = [t.id for t in taxonomy.unmerged() if t.category_id == tag.category_id and t.id != tag.id]
    if tag.parent_id and tag.parent_id not in parents:
        parents.append(tag.parent_id)
    right.selectbox(
        "Parent",
        parents,
        index=parents.index(tag.parent_id) if tag.parent_id else None,
        format_func=lambda t: session.tag_label(taxonomy.tags[t]),
        placeholder="None",
        key=f"{key}_parent",
        disabled=not may_edit,
    )


def _read_form(key: str, tag: Tag, codes: list[str]) -> Tag:
    state = st.session_state
    aliases = {code: _split(state[f"{key}_aliases_{code}"].replace("，", ","), ",") for code in codes}
    moved = state[f"{key}_category"] != tag.category_id
    return replace(
        tag,
        category_id=state[f"{key}_category"],
        parent_id=None if moved else state[f"{key}_parent"],
        names={code: state[f"{key}_{code}"] for code in codes},
        aliases=aliases,
        definition=state[f"{key}_definition"],
        prompts=_split(state[f"{key}_prompts"], "\n"),
        own_prompts={**tag.own_prompts, session.loop().model.preset.name: _split(state[f"{key}_own"], "\n")},
        sensitive=state[f"{key}_sensitive"],
    )


def _save(key: str, tag: Tag, codes: list[str], *, revision: int) -> None:
    taxonomy = session.loop().taxonomy()
    try:
        # The revision that the form was drawn at: a concurrent change is reported instead of overwritten.
        plan = replace(plans.save(taxonomy, _read_form(key, tag, codes)), revision=revision if tag.id else 0)
    except TaggingError as error:
        session.defer_error(error)
        return
    st.session_state.pop(f"{key}_trial", None)
    if change_preview.apply(plan) and not tag.id:
        st.session_state["tags_saved"] = plan.tags[0].id  # the dialog then opens the new tag


def _preview(key: str, tag: Tag, codes: list[str]) -> None:
    taxonomy = session.loop().taxonomy()
    try:
        plan = plans.save(taxonomy, _read_form(key, tag, codes))
        impact = session.loop().curation.impact(plan).sentences()
        wanted = plan.tags[0] if tag.id else replace(plan.tags[0], id="")
        st.session_state[f"{key}_trial"] = (impact, session.loop().curation.try_tag(wanted))
    except TaggingError as error:
        session.defer_error(error)


def _draw_trial(impact: list[str], trial: PromptTrial) -> None:
    st.markdown("\n".join(f"- {session.plain(sentence)}" for sentence in impact))
    st.markdown(
        f"Of {trial.looked_at:,} pictures without a decision about this tag, **{len(trial.gains):,} would gain** "
        f"the suggestion, **{len(trial.loses):,} would lose** it, {trial.stay:,} keep it."
    )
    left, right = st.columns(2)
    for column, title, found in ((left, "Would gain it", trial.gains), (right, "Would lose it", trial.loses)):
        with column:
            st.caption(title)
            if found:
                gallery.draw_strip([(m.asset_id, _change(m)) for m in found[:_SHOWN]])
            else:
                st.markdown(":gray[None]")


def _change(moved: ProbabilityChange) -> str:
    return f"{moved.before:.0%} → {moved.after:.0%}"


def _split(text: str, by: str) -> list[str]:
    return [part.strip() for part in text.split(by) if part.strip()]
