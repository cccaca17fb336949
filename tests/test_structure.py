"""What holds for the tree as a whole."""

from __future__ import annotations

import ast
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tagging_core import Settings

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "tagging_core").rglob("*.py"))


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_the_core_knows_nothing_of_streamlit(path: Path) -> None:
    assert not imports(path) & {"streamlit", "plotly", "pages", "app", "benchmarks"}


def test_torch_is_not_imported_before_something_is_embedded(data_dir: Path) -> None:
    code = (
        "import sys\n"
        "from tagging_core import Settings, Tagloop\n"
        f"Tagloop(Settings(data_dir={str(data_dir)!r}, encoder='builtin')).taxonomy()\n"
        "assert not {'torch', 'transformers', 'chromadb', 'streamlit'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_no_script_lies_directly_in_pages() -> None:
    assert [p.name for p in (ROOT / "pages").glob("*.py")] in ([], ["__init__.py"])


def test_the_readme_names_every_page_on_at_most_200_lines() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 200
    for page in (ROOT / "pages").glob("*/*.py"):
        assert f"**{page.stem.capitalize()}**" in readme, page.name


def test_the_documentation_names_every_setting() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert [name for name in Settings.model_fields if f"`TAGLOOP_{name.upper()}`" not in text] == []


def test_every_dependency_earns_its_place_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8").lower()
    for file in ("requirements.in", "requirements-embed.in"):
        for line in (ROOT / file).read_text("utf-8").splitlines():
            if line and not line.startswith(("#", "-c")):
                name = line.split("==")[0].split("[")[0]
                assert f"`{name}`" in readme, name


def test_everything_that_runs_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-embed.txt", "requirements-dev.txt"):
        lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
        assert all("==" in line for line in lines if line)


def test_the_architecture_names_what_exists() -> None:
    packages = "|".join(path.parent.name for path in (ROOT / "tagging_core").glob("*/__init__.py"))
    names = re.findall(rf"`((?:{packages})\.[\w.]+)`", (ROOT / "docs" / "architecture.md").read_text("utf-8"))
    assert len(names) > 50
    for name in names:
        pkgutil.resolve_name(f"tagging_core.{name}")
