"""Leftovers: what systems, file servers and photo programs leave beside pictures; ingest skips them silently."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath

_FOLDERS = frozenset(
    {
        *("@eadir", "@__thumb", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "lost+found"),
        *("$recycle.bin", "recycler", "system volume information"),
        *("__macosx", "network trash folder", "temporary items", "ipod photo cache"),
    }
)
"""Of Synology, QNAP and Linux, Windows, and macOS; lower-case."""

_BUNDLES = (".lrdata", ".lrcat-data", ".cocatalog")
"""Endings of folders in which Lightroom and Capture One keep previews."""

_FILES = frozenset(
    {
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "folder.ini", "autorun.inf"),
        *("picasa.ini", "zbthumbnail.info", "pspbrwse.jbf"),
    }
)

_ENDINGS = (
    *(".xmp", ".json", ".aae", ".pp3", ".dop", ".on1", ".vrd", ".dr4", ".nksc", ".rrdata", ".yml", ".yaml"),
    *(".lrcat", ".lrcat-journal", ".lrcat-shm", ".lrcat-wal", ".lrcat.lock", ".lrprev", ".cocatalogdb"),
    *(".cos", ".cot", ".cof", ".cop", ".thm", ".ctg", ".db", ".ini", ".lnk", ".url", ".webloc"),
    *(".tmp", ".part", ".crdownload", ".md5", ".sha1", ".sha256", ".sfv"),
    *("@synoeastream", "@synoresource", "~", "\r"),  # macOS names its folder icons "Icon\r"
)
"""Edits and metadata kept beside a picture, catalogs and previews, links, incomplete downloads, checksums."""


def is_leftover(path: PurePath | str) -> bool:
    """Check the path of a file for names of leftovers.

    Args:
        path: Relative to the folder or zip that is ingested; a string with `/` or backslashes.

    Returns:
        Whether the file or one of its folders is hidden or a leftover.
    """
    path = path if isinstance(path, PurePath) else PurePosixPath(path.replace("\\", "/"))
    parts = [part.casefold() for part in path.parts]
    if any(part.startswith(".") and part != ".." for part in parts):
        return True
    *folders, name = parts or [""]
    in_leftovers = any(folder in _FOLDERS or folder.endswith(_BUNDLES) for folder in folders)
    return in_leftovers or name in _FILES or name.endswith(_ENDINGS)
