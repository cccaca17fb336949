"""The console's pages: scripts, one folder a role; `common` holds what they share.

Paths are given whole, since Streamlit would look for them beside the frame.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

UPLOAD = str(_HERE / "editors" / "upload.py")
REVIEW = str(_HERE / "editors" / "review.py")
SEARCH = str(_HERE / "editors" / "search.py")
TAGS = str(_HERE / "owners" / "tags.py")
PROPOSALS = str(_HERE / "owners" / "proposals.py")
INSTRUCTIONS = str(_HERE / "owners" / "instructions.py")
HISTORY = str(_HERE / "owners" / "history.py")
COMPLIANCE = str(_HERE / "owners" / "compliance.py")
OVERVIEW = str(_HERE / "managers" / "overview.py")
TRENDS = str(_HERE / "managers" / "trends.py")
ACCURACY = str(_HERE / "managers" / "accuracy.py")
PEOPLE = str(_HERE / "managers" / "people.py")
SAVINGS = str(_HERE / "managers" / "savings.py")
DRIFT = str(_HERE / "managers" / "drift.py")
PICTURES = str(_HERE / "managers" / "pictures.py")
MODELS = str(_HERE / "system" / "models.py")
JOBS = str(_HERE / "system" / "jobs.py")
INTEGRATIONS = str(_HERE / "system" / "integrations.py")
