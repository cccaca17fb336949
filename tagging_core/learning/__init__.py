"""From decisions to probabilities: the tag library and everything that fits, calibrates and explains it."""

from __future__ import annotations

from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.comparison import compare
from tagging_core.learning.explanations import Explanation, explain
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.precision_targets import thresholds_for_precision
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.learning.suggestions import Suggester, Suggestion
from tagging_core.learning.tag_matrix import TagMatrix

__all__ = [
    "ActiveModel",
    "Explanation",
    "LibraryRegistry",
    "Suggester",
    "Suggestion",
    "TagLibrary",
    "TagMatrix",
    "compare",
    "explain",
    "thresholds_for_precision",
]
