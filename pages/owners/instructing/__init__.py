"""Parts of the Instructions page."""
