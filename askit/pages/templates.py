"""The templates of the pages: those of this package, and those of the bank that replace them, with style and images.

The look (`askit.config.look`) adds its colours to the style, and its logo to the files. In the folder of the bank,
`login.html` replaces the page with that name, and `style.css` replaces the style. A name that begins with _ is a part
of a page. `askit/login.html` is the replaced page. Files of `static` are served unchanged. All files are read once.

Role: AS
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    DictLoader,
    Environment,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
)

from askit.config.look import Look
from askit.pages.ibans import grouped
from askit.pages.words import short
from fapikit.errors import ConfigurationError

MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_STYLE: Final = "style.css"
_MOST_OCTETS: Final = 8 * 1024 * 1024
_PACKAGE: Final = PackageLoader("askit", "pages")


def _environment(loader: BaseLoader) -> Environment:
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(plain=short, grouped=grouped)
    return made


# One for all servers of a process, because tests make many, and compiling a page takes longer than serving it.
_OWN: Final = _environment(_PACKAGE)


class Templates:
    """`static`: octets and media type of each further file, by name. `logo`: the name of the bank's logo among them.

    Raises ConfigurationError, as its parts do.
    """

    def __init__(self, folder: Path | None, look: Look) -> None:
        self.folder = folder
        self.style = files("askit.pages").joinpath(_STYLE).read_bytes()
        self.icon = files("askit.pages").joinpath("icon.svg").read_bytes()
        self.static: dict[str, tuple[bytes, str]] = {}
        self._environment = _OWN
        if folder is not None:
            self._read_folder(folder)
        self.style += look.style.encode()
        self.logo = None if look.logo is None else self._read_logo(look.logo)
        _require_small(sum(len(octets) for octets, _ in self.static.values()))

    def _read_folder(self, folder: Path) -> None:
        pages: dict[str, str] = {}
        for path in _files(folder):
            if path.name == _STYLE:
                self.style = _read(path)
            else:
                _require_page(path)
                pages[path.name] = _text(path)
        if (folder / "static").is_dir():
            self.static = {path.name: (_read(path), _media_type(path)) for path in _files(folder / "static")}
        self._environment = _environment(
            ChoiceLoader([DictLoader(pages), _PACKAGE, PrefixLoader({"askit": _PACKAGE})])
        )

    def _read_logo(self, path: Path) -> str:
        try:
            octets = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"look.logo: {path} cannot be read: {error}", facts={"setting": "look.logo"}
            ) from error
        if path.name in self.static:
            raise ConfigurationError(
                f"look.logo: {path.name} is the name of a file in static of templates too: rename one of them",
                facts={"setting": "look.logo"},
            )
        self.static[path.name] = (octets, _media_type(path))
        return path.name

    def render(self, name: str, values: dict[str, object]) -> str:
        """Raises jinja2.TemplateError for a page of the bank that cannot be rendered."""
        return self._environment.get_template(name).render(values)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    except OSError as error:
        raise unusable_template(f"{folder} cannot be read: {error}") from error


def _require_page(path: Path) -> None:
    known = [name for name in _PACKAGE.list_templates() if name.endswith(".html")]
    if path.name in known or (path.name.startswith("_") and path.suffix == ".html"):
        return
    like = get_close_matches(path.name, known, 1)
    hint = f"did you mean {like[0]}?" if like else f"pages are {', '.join(known)}"
    raise unusable_template(
        f"{path.name} is not a page: {hint} A part of a page has a name that begins with _; other files are in static"
    )


def _media_type(path: Path) -> str:
    found = MEDIA_TYPES.get(path.suffix.lower())
    if found is None:
        raise unusable_template(
            f"static/{path.name} cannot be served: files there end in {', '.join(MEDIA_TYPES)}"
        )
    return found


def _require_small(octets: int) -> None:
    if octets > _MOST_OCTETS:
        raise unusable_template(f"static has {octets} octets, but at most {_MOST_OCTETS} are kept in memory")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unusable_template(f"{path.name} cannot be read: {error}") from error


def _text(path: Path) -> str:
    try:
        return _read(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise unusable_template(f"{path.name} is not UTF-8") from error


def unusable_template(what: str) -> ConfigurationError:
    """The error for something in the bank's folder. `what`: what is wrong there."""
    return ConfigurationError(f"templates: {what}", facts={"setting": "templates"})
