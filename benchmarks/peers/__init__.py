"""The same work in other tools; each needs its own virtual environment, which is why none runs with the others."""
