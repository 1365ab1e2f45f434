"""Fetch the pinned browser libraries named in vendor.toml into static/vendor/.

Duties: `npm pack` each package (whatever registry the developer's npm is set
to), refuse a tarball whose digest is not the pinned one, copy only the files
the desk uses, and build one SVG sprite of the icons listed.  Files already
there are written again, so a run after an edit of the list is enough.

Needs npm on the PATH; users of Ampdesk never run this, the result is kept in
the repository.  Exits 1 with a sentence when a digest differs or a file or
icon is missing.
"""

import base64
import hashlib
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


def pack(npm_name: str, version: str, into: Path) -> Path:
    """Download one package's tarball and return its path."""
    command = ["npm", "pack", "--silent", f"{npm_name}@{version}", "--pack-destination", str(into)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise VendorError(f"npm could not fetch {npm_name}@{version}: {result.stderr.strip()}")
    return into / result.stdout.strip().splitlines()[-1]


def digest(path: Path) -> str:
    """The file's digest the way npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def member(archive: tarfile.TarFile, name: str, package: str) -> bytes:
    """The bytes of one file inside the tarball."""
    try:
        handle = archive.extractfile(f"package/{name}")
    except KeyError:
        handle = None
    if handle is None:
        raise VendorError(f"{package} has no file {name}")
    return handle.read()


def sprite(archive: tarfile.TarFile, icons: list[str], package: str) -> str:
    """One SVG document with a <symbol> per icon, for `<use href="sprite.svg#name">`."""
    symbols = []
    for icon in sorted(set(icons)):
        svg = member(archive, f"icons/outline/{icon}.svg", package).decode()
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
    tarball = pack(package["npm"], package["version"], scratch)
    found = digest(tarball)
    if found != package["integrity"]:
        raise VendorError(
            f"{package['npm']}@{package['version']} has the digest {found}, not the pinned one"
        )
    folder = ROOT / package.get("into", TARGET) / f"{package['name']}@{package['version']}"
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tarball) as archive:
        for source, target in package["files"].items():
            data = member(archive, source, package["name"])
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
