"""The texts of files: of a folder, of a revision, of what a change adds."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from firedoor.errors import CallerError

TEXT_BYTES_MAX: Final = 16 * 2**20
"""Larger files are skipped, and counted: no context takes one whole."""
_SKIPPED_FOLDERS: Final = (".git", ".firedoor")
# A change must not be able to hide itself by what it says of itself (attributes, submodules), nor by the
# settings of whoever runs this; a merge is what it brings to the branch that it is made on.
_DIFF: Final = (
    "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative", "--text",
    "--diff-filter=d", "--ignore-submodules=all", "--inter-hunk-context=0",
)  # fmt: skip
_HUNK: Final = re.compile(rb"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


class File(NamedTuple):
    """One file."""

    name: str
    text: str | None
    """None where it is none: binary, or too large."""
    added: frozenset[int] | None = None
    """The numbers of the lines that a change adds; None where all of them count."""


def text_of(raw: bytes) -> str | None:
    """The text of a file; None where it is none: binary, or too large."""
    if len(raw) > TEXT_BYTES_MAX or b"\0" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def files_below(path: Path, *, hint: str) -> Iterator[File]:
    """The file at ``path``, or all below it but for git's own and the store's.

    Raises:
        CallerError: There is nothing at ``path``; ``hint`` says what else may be meant.
    """
    if not path.exists():
        raise CallerError(f"there is no file {str(path)!r}", hint=hint)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        inside = file.relative_to(path).parts if path.is_dir() else ()
        if file.is_symlink() or not file.is_file() or set(inside) & set(_SKIPPED_FOLDERS):
            continue
        large = file.stat().st_size > TEXT_BYTES_MAX
        yield File(str(file), None if large else text_of(file.read_bytes()))


def git(*arguments: str, given: bytes | None = None) -> bytes:
    """What git says.

    Raises:
        CallerError: It is not there, or failed.
    """
    try:
        done = subprocess.run(["git", *arguments], input=given, capture_output=True, check=True)
    except FileNotFoundError:
        raise CallerError("git is not installed") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CallerError("git: " + (said[0] if said else "failed")) from None
    return done.stdout


def files_at(revision: str, paths: list[str]) -> Iterator[File]:
    """The files of one revision, as they stood then."""
    commit = git("rev-parse", "--verify", "--end-of-options", revision + "^{commit}").decode()
    tree = git("ls-tree", "-r", "-z", "--full-tree", commit.strip(), "--", *paths)
    for line in tree.split(b"\0"):
        mode, _, rest = line.partition(b" ")
        if not mode.startswith(b"100"):
            continue
        about, _, name = rest.partition(b"\t")
        blob = about.split(b" ")[1].decode()
        yield File(name.decode("utf-8", "replace"), text_of(git("cat-file", "blob", blob)))


def files_changed(change: str | None, paths: list[str]) -> Iterator[File]:
    """The files that a change adds lines to, as they stand after it, with those lines' numbers.

    Args:
        change: A range ``A..B`` or ``A...B``, or one revision for what it changed; None for what is
            staged for the next commit.
    """
    if change is None:
        wanted, after = ["diff", "--cached"], ""
    elif ".." in change:
        wanted, after = (
            ["diff", "--end-of-options", change],
            re.split(r"\.{2,3}", change)[1] or "HEAD",
        )
    else:
        wanted = ["show", "--format=", "--diff-merges=first-parent", "--end-of-options", change]
        after = change
    command, *rest = wanted
    names = git(command, *_DIFF, "--name-only", "-z", *rest, "--", *paths)
    for name in filter(None, names.split(b"\0")):
        path = name.decode("utf-8", "surrogateescape")
        top = f":(top,literal){path}"
        changed = git(command, *_DIFF, "--unified=0", *rest, "--", top)
        added: set[int] = set()
        for line in changed.split(b"\n"):
            if found := _HUNK.match(line):
                first, count = int(found[1]), int(found[2] or 1)
                added.update(range(first, first + count))
        if added:
            raw = git("cat-file", "blob", f"{after}:{path}")
            shown = name.decode("utf-8", "replace")
            yield File(shown, text_of(raw), frozenset(added))
