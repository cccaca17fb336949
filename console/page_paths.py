"""Paths of the page scripts, one folder per role.

They are absolute, because Streamlit resolves relative paths against the frame's folder.
"""

from __future__ import annotations

from pathlib import Path

_PAGES = Path(__file__).parents[1] / "pages"

UPLOAD = str(_PAGES / "editors" / "upload.py")
REVIEW = str(_PAGES / "editors" / "review.py")
SEARCH = str(_PAGES / "editors" / "search.py")
TAGS = str(_PAGES / "owners" / "tags.py")
PROPOSALS = str(_PAGES / "owners" / "proposals.py")
INSTRUCTIONS = str(_PAGES / "owners" / "instructions.py")
HISTORY = str(_PAGES / "owners" / "history.py")
COMPLIANCE = str(_PAGES / "owners" / "compliance.py")
OVERVIEW = str(_PAGES / "managers" / "overview.py")
TRENDS = str(_PAGES / "managers" / "trends.py")
ACCURACY = str(_PAGES / "managers" / "accuracy.py")
PEOPLE = str(_PAGES / "managers" / "people.py")
SAVINGS = str(_PAGES / "managers" / "savings.py")
DRIFT = str(_PAGES / "managers" / "drift.py")
PICTURES = str(_PAGES / "managers" / "pictures.py")
MODELS = str(_PAGES / "system" / "models.py")
JOBS = str(_PAGES / "system" / "jobs.py")
INTEGRATIONS = str(_PAGES / "system" / "integrations.py")
