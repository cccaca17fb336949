"""The texts of a page that Streamlit draws as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest

_MARKDOWN = {"body", "label", "help", "title", "caption", "captions", "text", "delta", "content", "options"}
_PLAIN = {
    "Text",
    "Code",
    "Html",
    "Selectbox.options",
    "MultiSelect.options",
    "Slider.options",
    "Arrow",
    "Dataframe",
}
_PLAIN |= {"PlotlyChart", "BidiComponent", "ComponentInstance", "Metric.body", "TextArea.default", "Json", "Iframe"}


def markdown_texts(at: AppTest) -> list[str]:
    """Return every Markdown text of a page, its tooltips and labels included."""
    return list(_of_node(at._tree))


def _of_node(node: Any) -> Iterator[str]:
    proto = getattr(node, "proto", None)
    if hasattr(proto, "DESCRIPTOR"):
        yield from _of_message(proto)
    for child in getattr(node, "children", {}).values():
        yield from _of_node(child)


def _of_message(message: Any) -> Iterator[str]:
    kind = message.DESCRIPTOR.name
    if kind in _PLAIN:
        return
    for field, value in message.ListFields():
        values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
        for each in values:
            if hasattr(each, "DESCRIPTOR"):
                yield from _of_message(each)
            elif field.name in _MARKDOWN and isinstance(each, str) and f"{kind}.{field.name}" not in _PLAIN:
                yield each
