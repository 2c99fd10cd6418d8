"""Packages of others, as pip leaves them in a folder."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from streamer.config.plugins import plugins


def install(folder: Path, name: str, group: str, points: Mapping[str, str], module: str = "") -> None:
    """The name of a package, its entry points, and the text of its one module."""
    info = folder / f"{name.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    if module:
        (folder / f"{name.replace('-', '_')}.py").write_text(module)


@contextmanager
def installed(folder: Path) -> Iterator[Path]:
    """A folder whose packages are installed while inside."""
    folder.mkdir(exist_ok=True)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    plugins.cache_clear()
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        plugins.cache_clear()
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
