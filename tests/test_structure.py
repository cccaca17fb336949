"""Rules for the source tree as a whole."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tagging_core import Settings
from tagging_core.app.rebuild import REPLAYS

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "tagging_core").rglob("*.py"))
PACKAGES = [f"tagging_core.{p.parent.name}" for p in sorted((ROOT / "tagging_core").glob("*/__init__.py"))]


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_the_core_does_not_import_streamlit(path: Path) -> None:
    assert not imports(path) & {"streamlit", "plotly", "pages", "app", "benchmarks"}


def test_torch_is_not_imported_before_something_is_embedded(data_dir: Path) -> None:
    code = (
        "import sys\n"
        "from tagging_core import Settings, Tagloop\n"
        f"Tagloop(Settings(data_dir={str(data_dir)!r}, encoder='builtin')).taxonomy()\n"
        "assert not {'torch', 'transformers', 'chromadb', 'streamlit'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_pages_has_no_top_level_scripts() -> None:
    assert [p.name for p in (ROOT / "pages").glob("*.py")] in ([], ["__init__.py"])


def test_the_readme_names_every_page_and_has_at_most_200_lines() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 200
    for page in (ROOT / "pages").glob("*/*.py"):
        assert f"**{page.stem.capitalize()}**" in readme, page.name


def test_the_documentation_names_every_setting() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert [name for name in Settings.model_fields if f"`TAGLOOP_{name.upper()}`" not in text] == []


def test_every_dependency_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8").lower()
    for file in ("requirements.in", "requirements-embed.in"):
        for line in (ROOT / file).read_text("utf-8").splitlines():
            if line and not line.startswith(("#", "-c")):
                name = line.split("==")[0].split("[")[0]
                assert f"`{name}`" in readme, name


def test_all_requirements_are_pinned() -> None:
    for name in ("requirements.txt", "requirements-embed.txt", "requirements-dev.txt"):
        lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
        assert all("==" in line for line in lines if line)


def test_the_architecture_document_names_existing_code() -> None:
    packages = "|".join(path.parent.name for path in (ROOT / "tagging_core").glob("*/__init__.py"))
    names = re.findall(rf"`((?:{packages})\.[\w.]+)`", (ROOT / "docs" / "architecture.md").read_text("utf-8"))
    assert len(names) > 50
    for name in names:
        pkgutil.resolve_name(f"tagging_core.{name}")


def definitions(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text("utf-8")).body


def test_pages_do_not_open_the_database() -> None:
    for path in [*(ROOT / "pages").rglob("*.py"), *(ROOT / "console").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            opens = isinstance(node, ast.Attribute) and node.attr in ("read", "write", "snapshot")
            if opens and isinstance(node.value, ast.Attribute):
                assert node.value.attr != "database", f"{path}:{node.lineno}"


def test_fragments_and_dialogs_check_the_user_again() -> None:
    """`session.fragment` and `session.dialog` do, at each run; Streamlit's own run without the frame."""
    for path in [*(ROOT / "pages").rglob("*.py"), *(ROOT / "console").rglob("*.py")]:
        if path != ROOT / "console" / "session.py":
            assert not re.search(r"\bst\.(fragment|dialog)\b", path.read_text("utf-8")), path


def test_the_core_has_only_the_expected_top_level_modules() -> None:
    found = {path.name for path in (ROOT / "tagging_core").iterdir() if path.is_file()}
    assert found == {"__init__.py", "__main__.py", "errors.py", "settings.py", "py.typed"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_and_classes_stay_small(path: Path) -> None:
    if "migrations" not in path.parts and path.name != "schema.py":
        assert len(path.read_text("utf-8").splitlines()) <= 300
    for node in definitions(path):
        if isinstance(node, ast.ClassDef):
            methods = [m.name for m in node.body if isinstance(m, ast.FunctionDef) and not m.name.startswith("_")]
            assert len(methods) <= 15, node.name


def test_the_composition_root_stays_small() -> None:
    assert len((ROOT / "tagging_core/app/tagloop.py").read_text("utf-8").splitlines()) <= 150


def test_at_most_three_parameters_are_positional() -> None:
    """Except where a framework calls: routes, and methods that override another library's."""
    overriding = {"connect_tcp", "attend", "_strip_nul"}
    for path in SOURCES:
        if "migrations" in path.parts or "routes" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name not in overriding and node.args.vararg is None:
                names = [a.arg for a in node.args.posonlyargs + node.args.args if a.arg not in ("self", "cls")]
                assert len(names) <= 3, f"{path}: {node.name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_face_documents_arguments_and_results(package: str) -> None:
    face = importlib.import_module(package)
    exported = [getattr(face, name) for name in face.__all__]
    functions = [(x.__name__, x) for x in exported if inspect.isfunction(x)]
    for owner in filter(inspect.isclass, exported):
        methods = ((name, each) for name, each in vars(owner).items() if not name.startswith("_"))
        functions += [(f"{owner.__name__}.{n}", each) for n, each in methods if inspect.isfunction(each)]
    for name, function in functions:
        signature, doc = inspect.signature(function), function.__doc__ or ""
        assert "Args:" in doc or not signature.parameters.keys() - {"self"}, name
        gives = signature.return_annotation not in ("None", None, inspect.Parameter.empty)
        assert not gives or name == "Tagloop.taxonomy" or "Returns:" in doc or "Yields:" in doc, name


def test_every_replay_is_registered() -> None:
    """`rebuild` calls every module's `replay`."""
    named = set()
    for path in SOURCES:
        for node in definitions(path):
            if (
                isinstance(node, ast.FunctionDef)
                and node.name == "replay"
                and node.args.args[0].arg == "connection"
            ) and ast.unparse(node.returns or ast.Constant(None)) == "None":
                named.add(".".join(path.relative_to(ROOT).with_suffix("").parts))
    called = {replay.__module__ for _, replay in REPLAYS} - {"tagging_core.app.rebuild"}
    assert named == called | {"tagging_core.ledger.replay"}
