"""Fetch the pinned browser libraries named in vendor.toml into static/vendor/.

Duties: `npm pack` each package (whatever registry the developer's npm is set
to; `apt-get download` for one of Debian), refuse a file whose digest is not the
pinned one, copy only the files the desk uses, and build one SVG sprite of the
icons listed.  Files already there are written again, so a run after an edit of
the list is enough.

Needs npm and apt-get on the PATH; users of Ampdesk never run this, the result is
kept in the repository.  Exits 1 with a sentence when a digest differs or a file
or icon is missing.
"""

import base64
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "static/vendor"


class VendorError(Exception):
    """A package is not what the list says; the message is a sentence for the developer."""


def pack(package: dict, into: Path) -> Path:
    """Download one package of npm, or of Debian, and return its path."""
    if "deb" in package:
        command = ["apt-get", "download", package["deb"]]
    else:
        command = ["npm", "pack", "--silent", f"{package['npm']}@{package['version']}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=into)
    if result.returncode != 0:
        raise VendorError(f"{package['name']} could not be fetched: {result.stderr.strip()}")
    return max(into.glob("*.deb" if "deb" in package else "*.tgz"), key=os.path.getmtime)


def opened(path: Path) -> tarfile.TarFile:
    """The files of a package, whichever kind it is."""
    if path.suffix != ".deb":
        return tarfile.open(path)
    content = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True)
    return tarfile.open(fileobj=io.BytesIO(content.stdout))


def digest(path: Path) -> str:
    """The file's digest the way npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def member(archive: tarfile.TarFile, name: str, package: str) -> bytes:
    """The bytes of one file inside the tarball."""
    try:
        handle = archive.extractfile(name)
    except KeyError:
        handle = None
    if handle is None:
        raise VendorError(f"{package} has no file {name}")
    return handle.read()


def sprite(archive: tarfile.TarFile, icons: list[str], package: str) -> str:
    """One SVG document with a <symbol> per icon, for `<use href="sprite.svg#name">`."""
    symbols = []
    for icon in sorted(set(icons)):
        svg = member(archive, f"package/icons/outline/{icon}.svg", package).decode()
        body = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
        body = re.sub(r"^\s*<svg[^>]*>|</svg>\s*$", "", body.strip(), flags=re.DOTALL)
        body = re.sub(r"\s*\n\s*", "", body).replace(" />", "/>")
        symbols.append(f'<symbol id="{icon}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def without_map(data: bytes) -> bytes:
    """Drop the trailing source map comment: the maps are not shipped."""
    return re.sub(rb"\n?/[/*]# sourceMappingURL=[^\n*]*(\*/)?\s*$", b"\n", data)


def fetching_nothing(data: bytes) -> bytes:
    """Drop what a style sheet would fetch: images of its own that the desk does not use."""
    return re.sub(rb"[\w-]+\s*:\s*url\((?!['\"]?data:)[^)]*\)\s*;?", b"", data)


def cut(font: Path, letters: str) -> None:
    """Keep only some letters of a font, by their numbers in hexadecimal."""
    options = [f"--unicodes={letters}", "--layout-features=kern", "--no-hinting", "--name-IDs=*"]
    command = [sys.executable, "-m", "fontTools.subset", str(font), *options]
    subprocess.run([*command, f"--output-file={font}"], check=True)


def fetch(package: dict, scratch: Path) -> None:
    """Bring one package of the list to its folder: <name>@<version> in static/vendor/ or `into`."""
    tarball = pack(package, scratch)
    found = digest(tarball)
    if found != package["integrity"]:
        raise VendorError(f"{package['name']} has the digest {found}, not the pinned one")
    folder = ROOT / package.get("into", TARGET) / f"{package['name']}@{package['version']}"
    folder.mkdir(parents=True, exist_ok=True)
    with opened(tarball) as archive:
        for source, target in package["files"].items():
            place = f"./{source}" if "deb" in package else f"package/{source}"
            data = member(archive, place, package["name"])
            if target.endswith((".js", ".css")):
                data = without_map(data)
            if target.endswith(".css"):
                data = fetching_nothing(data)
            (folder / target).write_bytes(data)
            if target.endswith(".ttf"):
                cut(folder / target, package["letters"])
        if "sprite" in package:
            text = sprite(archive, package["icons"], package["name"])
            (folder / package["sprite"]).write_text(text)
    print(f"{folder.relative_to(ROOT)}: {package['licence']}")


def main() -> int:
    """Fetch everything in the list; 0 when all of it is in place."""
    packages = tomllib.loads((Path(__file__).parent / "vendor.toml").read_text())["package"]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for package in packages:
                fetch(package, Path(scratch))
    except VendorError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
