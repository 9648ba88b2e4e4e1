"""The file of users: what is in it, and what is not taken."""

import stat
from pathlib import Path

import pytest

from control.errors import ControlError
from dashboard.users import Role, UsersFile, fits, hash_of, read_users, remove_user, write_user


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "dashboard.users"


def test_a_password_fits_its_hash_and_no_other() -> None:
    hashed = hash_of("päss wörd")
    assert fits("päss wörd", hashed) and not fits("pass word", hashed) and not fits("", hashed)
    # And the same password has another hash each time
    assert hash_of("päss wörd") != hashed and "päss" not in hashed


def test_users_are_added_changed_and_taken_out(file: Path) -> None:
    # Given two users
    assert write_user(file, "olivia", Role.OPERATE, "one") is True
    assert write_user(file, "bob@contoso.test", Role.VIEW, None) is True
    # Then the file is its owner's alone
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    users = read_users(file)
    assert fits("one", users["olivia"].hash) and users["bob@contoso.test"].hash == ""
    # When the role of one changes without a password, Then the password stays
    assert write_user(file, "olivia", Role.VIEW, None) is False
    changed = read_users(file)["olivia"]
    assert changed.role is Role.VIEW and fits("one", changed.hash)
    # When one is taken out
    remove_user(file, "olivia")
    assert list(read_users(file)) == ["bob@contoso.test"]
    with pytest.raises(ControlError, match="There is no user olivia"):
        remove_user(file, "olivia")
    # And nothing is left beside it
    assert [path.name for path in file.parent.iterdir()] == ["dashboard.users"]


@pytest.mark.parametrize("name", ["", "a:b", "a b", "a\nb", "x" * 101, "<b>"])
def test_a_name_that_would_break_the_file_or_the_page_is_refused(file: Path, name: str) -> None:
    with pytest.raises(ControlError, match="cannot be a user's name"):
        write_user(file, name, Role.VIEW, "secret")
    assert not file.exists()


@pytest.mark.parametrize(
    "line",
    [
        "olivia",
        "olivia:operate:secret",
        "olivia:admin:",
        "olivia:operate:scrypt$$",
        "olivia:operate:scrypt$AAAA$AAAA",
        ":view:",
    ],
)
def test_a_line_that_is_wrong_is_named_and_its_hash_is_not_repeated(file: Path, line: str) -> None:
    file.parent.mkdir()
    file.touch(0o600)
    file.write_text(f"# who may come in\n\nvera:view:\n{line}\n")
    with pytest.raises(ControlError) as wrong:
        read_users(file)
    assert str(wrong.value).startswith(f"{file}:4: a line reads name:role:hash")
    assert "secret" not in str(wrong.value) and "scrypt" not in str(wrong.value)


def test_an_awaited_file_counts_from_its_first_moment_on_for_ever(file: Path) -> None:
    # Given a file that need not be there, and is not
    awaited = UsersFile(file, awaited=True)
    assert not awaited.counts
    # When it is there, broken as it may be, Then it counts, and nobody is in it
    file.parent.mkdir()
    file.touch(0o644)
    assert awaited.counts
    with pytest.raises(ControlError, match="can be read by others"):
        awaited.users()
    # When it goes, Then it still counts
    file.unlink()
    assert awaited.counts
    with pytest.raises(ControlError, match="cannot be read"):
        awaited.users()


def test_a_file_whose_folder_cannot_be_looked_into_counts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "lstat", forbidden)
    assert UsersFile(file, awaited=True).counts


def test_a_user_stands_there_once(file: Path) -> None:
    file.parent.mkdir()
    file.touch(0o600)
    file.write_text("vera:view:\nvera:operate:\n")
    with pytest.raises(ControlError, match=":2: vera is there twice"):
        read_users(file)


def test_a_file_that_others_can_read_or_that_is_missing_is_refused(file: Path) -> None:
    with pytest.raises(ControlError, match="cannot be read: No such file"):
        read_users(file)
    write_user(file, "vera", Role.VIEW, "secret")
    file.chmod(0o640)
    with pytest.raises(ControlError, match="can be read by others; keep it to yourself: chmod 600"):
        read_users(file)
