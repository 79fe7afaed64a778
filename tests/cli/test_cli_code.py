"""`firedoor blame` and `firedoor scan`, on a repository that two agents wrote."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from driving import Office, settings_for
from firedoor.cli import app
from firedoor.errors import CallerError
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding

FIRST = Binding("coder-1", "press")
SECOND = Binding("coder-2", "lab")
NOTES = "def harbour_opens(month: int) -> bool:\n    return month >= 5\n"
HANDED = "def harbour_opens_late(month: int) -> bool:\n    return month >= 9\n"
MINE = "# Written by a person, before any of them came.\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files: one written by the first agent, one by the second after it had read that."""
    store = f"sqlite:{tmp_path}/.firedoor/firedoor.db"
    office = Office(settings_for(None, "observe"), store)
    office.write(FIRST, "write_file", path="src/harbour.py", content=NOTES)
    hand_on = Reply("", (Call("write_file", {"path": "src/late.py", "content": HANDED}),))
    office.read(SECOND, NOTES, "read_file", path="src/harbour.py", reply=hand_on)
    office.store.close()
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "harbour.py").write_text(MINE + NOTES)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FIREDOOR_STORE", store)
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    git("init", "-q")
    commit("the harbour")
    (folder / "src" / "late.py").write_text(HANDED + MINE)
    return folder


def git(*arguments: str) -> None:
    who = {
        f"GIT_{r}_{f}": "a@example.org" for r in ("AUTHOR", "COMMITTER") for f in ("NAME", "EMAIL")
    }
    subprocess.run(["git", *arguments], check=True, capture_output=True, env={**os.environ, **who})


def commit(message: str) -> None:
    git("add", "-A")
    git("commit", "-q", "-m", message)


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.usefixtures("repository")
def test_blame_marks_each_line_with_who_wrote_it() -> None:
    code, lines = run("blame", "src/harbour.py")
    assert code == 0
    assert [(row["instance"], row["generation"]) for row in lines] == [
        (None, None), ("coder-1", 0), ("coder-1", 0),
    ]  # fmt: skip
    assert lines[1]["call"].startswith("c_")
    _, late = run("blame", "src/late.py")
    first = late[0]
    assert (first["instance"], first["generation"], first["arrives_as"]) == ("coder-2", 1, 2)


@pytest.mark.usefixtures("repository")
def test_scan_of_a_tree_finds_what_came_too_far() -> None:
    code, found = run("scan", ".")
    assert code == 1
    (finding,) = found["findings"]
    assert (finding["path"], finding["first"], finding["last"]) == ("src/late.py", 1, 2)
    assert (finding["author"], finding["generation"]) == ("coder-2", 2)
    assert finding["rooms"] == ["lab", "press"]
    assert run("scan", ".", "--generation", "2")[0] == 0
    assert run("scan", "src/harbour.py")[0] == 0


def test_scan_of_a_change_looks_at_what_it_adds(repository: Path) -> None:
    assert run("scan", "--staged")[1]["files"] == 0
    git("add", "-A")
    assert run("scan", "--staged")[0] == 1
    commit("late")
    assert run("scan", "--git", "HEAD~1..HEAD")[0] == 1
    assert run("scan", "--git", "HEAD")[0] == 1
    (repository / "src" / "late.py").write_text(HANDED + MINE + "# And one line more, by hand.\n")
    commit("more")
    code, found = run("scan", "--git", "HEAD~1..HEAD")
    assert (code, found["files"], found["lines_by_instances"]) == (0, 1, 0)


@pytest.mark.parametrize("setting", [None, ("diff.relative", "true"), ("diff.noprefix", "true"),
                                     ("diff.external", "true"), ("color.ui", "always")])  # fmt: skip
def test_no_setting_hides_what_a_change_adds(
    repository: Path, monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str] | None
) -> None:
    """Nor does what the change says of itself: that its files are no texts."""
    if setting is not None:
        git("config", *setting)
    else:
        (repository / ".gitattributes").write_text("*.py -diff\n* binary\n")
    git("add", "-A")
    (repository / "other").mkdir()
    monkeypatch.chdir(repository / "other")
    assert run("scan", "--staged")[0] == 1


def test_what_a_merge_brings_is_scanned(repository: Path) -> None:
    git("checkout", "-q", "-b", "side")
    commit("late")
    git("checkout", "-q", "-")
    (repository / "README").write_text("The harbour.\n")
    commit("readme")
    git("merge", "-q", "--no-ff", "--no-edit", "side")
    assert run("scan", "--git", "HEAD")[0] == 1


def test_a_carriage_return_moves_no_line_out_of_sight(repository: Path) -> None:
    """Numbers are git's: a line may hold several stretches."""
    (repository / "src" / "late.py").write_bytes(b"# one\r# two\r# three\n")
    commit("odd")
    late = HANDED.splitlines()[0].encode()
    (repository / "src" / "late.py").write_bytes(b"# one\r# two\r# three\n" + late + b"\r\n")
    (repository / "src" / "more.py").write_bytes(b"x = 1\r" + late + b"\n")
    git("add", "-A")
    _, found = run("scan", "--staged")
    assert [(f["path"], f["first"]) for f in found["findings"]] == [
        ("src/late.py", 2), ("src/more.py", 1),
    ]  # fmt: skip


def test_a_submodule_is_no_file_of_this_repository(repository: Path) -> None:
    commit("late")
    git("update-index", "--add", "--cacheinfo", "160000," + "1" * 40 + ",vendor")
    assert run("scan", "--staged")[0] == 0


def test_staged_counts_what_is_staged_and_not_what_lies_in_the_folder(repository: Path) -> None:
    git("add", "-A")
    (repository / "src" / "late.py").write_text(MINE)
    assert run("scan", "--staged")[0] == 1


def test_what_people_vouched_for_is_nobodys(repository: Path) -> None:
    assert run("adopt", "src/late.py", "--reason", "reviewed")[0] == 0
    assert run("scan", ".")[0] == 0
    assert {row["instance"] for row in run("blame", "src/late.py")[1]} == {None}


def test_hostile_names_are_inert(repository: Path) -> None:
    (repository / "src" / "\x1b[2Jlate.py").write_text(HANDED)
    shown = CliRunner().invoke(app, ["scan", "src"]).stdout
    assert "\x1b" not in shown


@pytest.mark.usefixtures("repository")
def test_bad_calls_are_told_what_to_do() -> None:
    for arguments in (["scan"], ["scan", "nowhere"], ["scan", "--git", "no..where"], ["blame", "x"],
                      ["scan", "--git", "HEAD", "--staged"]):  # fmt: skip
        with pytest.raises(CallerError):
            run(*arguments)
    Path("binary").write_bytes(b"\0\1")
    assert run("scan", "binary")[1]["skipped"] == 1


@pytest.mark.usefixtures("repository")
def test_a_revision_is_no_option() -> None:
    """A range that begins with a dash must not become an option of git's."""
    with pytest.raises(CallerError):
        run("scan", "--git", "--output=owned")
    assert not Path("owned").exists()


PATCH = """*** Begin Patch
*** Update File: src/quay.py
@@
-old = 1
+quay_depth_in_metres = 11
+quay_length_in_metres = 240
*** End Patch"""
HEREDOC = """cat > src/pier.py <<'END'
pier_opens_at_hour = 6
pier_closes_at_hour = 22
END"""


@pytest.mark.parametrize(
    ("tool", "arguments", "lines"),
    [
        ("apply_patch", {"input": PATCH}, ["quay_depth_in_metres = 11", "quay_length_in_metres = 240"]),
        ("bash", {"command": HEREDOC}, ["pier_opens_at_hour = 6", "pier_closes_at_hour = 22"]),
        ("str_replace", {"path": "a", "old_str": "x", "new_str": "crane_lifts_tonnes = 40"},
         ["crane_lifts_tonnes = 40"]),
    ],
)  # fmt: skip
def test_every_way_of_writing_is_known_again(
    tool: str, arguments: dict[str, str], lines: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    store = f"sqlite:{tmp_path}/.firedoor/firedoor.db"
    office = Office(settings_for(None, "observe"), store)
    office.write(FIRST, tool, **arguments)
    office.store.close()
    monkeypatch.setenv("FIREDOOR_STORE", store)
    file = tmp_path / "written.py"
    file.write_text("\n".join(lines))
    assert [row["instance"] for row in run("blame", str(file))[1]] == ["coder-1"] * len(lines)


def test_blame_and_scan_know_lines_that_were_wrapped_anew(repository: Path) -> None:
    """Indented, numbered, and broken elsewhere: the passage stands there all the same."""
    handed = (
        HANDED + "    # Every ship that comes after the ninth month has to wait for the tide.\n"
    )
    office = Office(settings_for(None, "observe"), os.environ["FIREDOOR_STORE"], calls=100)
    reply = Reply("", (Call("write_file", {"path": "src/late.py", "content": handed}),))
    office.read(SECOND, NOTES, "read_file", path="src/harbour.py", reply=reply)
    office.store.close()
    words = handed.split()
    lines = [" ".join(words[i : i + 4]) for i in range(0, len(words), 4)]
    text = "\n".join(f"        # {line}" for line in lines) + "\n"
    (repository / "src" / "wrapped.py").write_text(MINE + text)
    _, found = run("blame", "src/wrapped.py")
    assert [row["instance"] for row in found] == [None, *["coder-2"] * len(lines)]
    assert {row["arrives_as"] for row in found[1:]} == {2}
    code, told = run("scan", "src/wrapped.py")
    assert (code, len(told["findings"])) == (1, 1)
