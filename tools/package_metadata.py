"""What the build adds to the metadata of the package: the project's addresses, and a README whose links lead there.

An index page shows the README outside of the repository, where a relative link leads nowhere. pyproject.toml has the
one setting, `repository` in `[tool.hatch.metadata.hooks.custom]`. While it is empty, nothing is added or changed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK: Final = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<path>[^)#\s:]+)(?P<place>#[^)\s]*)?\)")


class PackageMetadata(MetadataHookInterface):
    """The hook of the build backend."""

    def update(self, metadata: dict[str, Any]) -> None:
        root, repository = Path(self.root), str(self.config["repository"]).rstrip("/")
        if repository:
            metadata["urls"] = urls(repository)
        text = readme(root, repository, f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def urls(repository: str) -> dict[str, str]:
    """By the names that an index page knows."""
    return {
        "Source": repository,
        "Documentation": f"{repository}/blob/main/docs/index.md",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
        "Security": f"{repository}/blob/main/SECURITY.md",
    }


def readme(root: Path, repository: str, tag: str) -> str:
    """README.md with the address of each file of the project that it links to, as the file is at this tag."""

    def whole(found: re.Match[str]) -> str:
        target = root / found["path"]
        if not target.exists():  # no link: code looks like one, too
            return found[0]
        form = "raw" if found["image"] else "tree" if target.is_dir() else "blob"
        address = f"{repository}/{form}/{tag}/{found['path']}{found['place'] or ''}"
        return f"{found['image']}[{found['text']}]({address})"

    text = (root / "README.md").read_text("utf-8")
    return _LINK.sub(whole, text) if repository else text
