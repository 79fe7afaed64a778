"""Packages that a command would install, by the name that their registry knows.

What comes from a registry is a place outside like any other: whoever publishes a package of a rare
name speaks to everybody who installs it.
"""

import re
from collections.abc import Iterator
from typing import Final

_WORDS_MAX: Final = 32
"""Names read behind one command."""

# (registry, words of the command). Options between them are passed over.
_COMMANDS: Final = (
    ("pypi", r"(?:python[\d.]* -m )?pip[\d.]* (?:install|download)"),
    ("pypi", r"uv (?:pip install|add|tool install|tool run)|uvx|pipx (?:install|run)"),
    ("pypi", r"(?:poetry|pdm|rye|hatch) add|easy_install"),
    ("conda", r"(?:conda|mamba|micromamba) install"),
    ("npm", r"npm (?:install|i|add|exec|view)|pnpm (?:add|install|i|dlx)|yarn (?:add|dlx)"),
    ("npm", r"bun (?:add|install|i)|npx|bunx|deno add"),
    ("cargo", r"cargo (?:add|install)"),
    ("go", r"go (?:get|install)"),
    ("gem", r"gem install|bundle add"),
    ("apt", r"apt(?:-get)? install|apk add|(?:dnf|yum) install|brew install"),
    ("composer", r"composer require"),
    ("docker", r"(?:docker|podman) (?:pull|run)"),
)
_BETWEEN: Final = r"[ \t]{1,4}(?:-{1,2}[\w-]{1,30}[ \t]{1,4}){0,4}"
_COMMAND: Final = re.compile(
    r"(?<![\w./-])(?:"
    + "|".join(
        f"(?P<r{n}>{words.replace(' ', _BETWEEN)})" for n, (_, words) in enumerate(_COMMANDS)
    )
    + r")(?=[ \t])([^\n;&|<>`]{1,2000})"
)
_HINT: Final = re.compile(
    r"pip|uvx? |\badd |\bget |npx|bunx|install|require|\bpull |\bdlx |npm|easy_install|docker run"
)
_WITH_VALUE: Final = frozenset(
    ["-r", "-c", "-e", "-i", "-t", "--requirement", "--constraint", "--editable", "--index-url",
     "--extra-index-url", "--find-links", "-f", "--target", "--python", "-p", "--prefix", "-n",
     "--name", "--channel", "--registry", "--features", "--version", "--group", "-v", "-w", "--tag"]
)  # fmt: skip
_NAME: Final = re.compile(r"@?[A-Za-z0-9][\w.+/-]{0,213}")
_VERSION: Final = re.compile(r"[=<>!~\[;@:^]")


def packages_in(text: str) -> Iterator[str]:
    """``registry:name`` of each package that a command in ``text`` names; common ones too."""
    if _HINT.search(text) is None:
        return
    for match in _COMMAND.finditer(text):
        registry = next(r for n, (r, _) in enumerate(_COMMANDS) if match[f"r{n}"])
        skip = False
        for word in match[match.lastindex or 0].split()[:_WORDS_MAX]:
            word = word.strip("\"'")
            if skip or word.startswith("-"):
                skip = not skip and word in _WITH_VALUE
                continue
            name = normal(registry, word)
            if name is not None:
                yield f"{registry}:{name}"
            if registry == "docker" or match[0].startswith(("npx", "uvx", "bunx", "pipx run")):
                # What stands behind is the program's own.
                break


def normal(registry: str, word: str) -> str | None:
    """The name as the registry compares it, less version and extras; None if it is a path or no name."""
    if "://" in word or word.startswith((".", "/", "~", "$", "git+")):
        return None
    scope = "@" if word.startswith("@") else ""
    name = scope + _VERSION.split(word[len(scope) :], maxsplit=1)[0]
    if _NAME.fullmatch(name) is None:
        return None
    name = name.lower()
    return re.sub(r"[-_.]+", "-", name) if registry == "pypi" else name
