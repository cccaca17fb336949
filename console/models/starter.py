"""The learned starter of the active model: what it is, adopting it, and going back."""

from __future__ import annotations

import streamlit as st

from console import session
from tagging_core import TaggingError


def draw() -> None:
    """Draw what starter tags begin with, and a button to change it."""
    try:
        status = session.loop().models.starter.status()
    except TaggingError as error:
        session.draw_error(error)
        return
    st.subheader("First suggestions")
    if status.photos:
        st.markdown(
            f"The starter tags begin with what **{status.photos:,} labelled photos** taught this model before "
            "delivery. Your decisions count on top of it."
        )
        with st.popover("Stop using it"):
            st.write(
                "First suggestions then come from the tags' names and descriptions alone, and are less often "
                "right. All decisions stay, and you can use it again at any time."
            )
            st.button("Stop using it now", key="starter_drop", on_click=_run, args=("drop",))
    elif status.shipped is not None:
        st.markdown(
            f"This version brings what **{status.shipped.photos:,} labelled photos** taught this model about "
            f"{len(status.shipped.priors):,} starter tags. Using it makes their first suggestions far better; all "
            "decisions stay and count on top of it, and you can go back at any time."
        )
        st.button("Use it", type="primary", key="starter_adopt", on_click=_run, args=("adopt",))
    else:
        st.markdown(
            "First confidences of this model come from a formula and the tags' texts; nobody has checked them on "
            "labelled photos. They become true with the first decisions, or with a starter of your own: "
            "`python -m tagging_core starter build`."
        )


def _run(name: str) -> None:
    offer, user = session.loop().models.starter, session.current_user()
    try:
        (offer.adopt if name == "adopt" else offer.drop)(user)
    except TaggingError as error:
        session.defer_error(error)
