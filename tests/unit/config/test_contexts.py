"""Contexts: a file of one's own says which instance is operated, below options and environment."""

import os
import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.contexts import Context, Contexts, UnknownContext, contexts_file, read_contexts, write_contexts
from config.problems import ConfigProblems
from config.secrets import SecretMissing
from config.settings import BadSettings, Settings


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("D365ACS_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_file_that_is_not_there_holds_no_contexts(tmp_path: Path) -> None:
    found = read_contexts(tmp_path / "absent" / "contexts.yaml")
    assert (found.contexts, found.current, found.in_use) == ({}, None, None)


def test_written_contexts_are_read_back_and_belong_to_their_owner(tmp_path: Path) -> None:
    # Given two contexts, one in use, in a folder that is not there yet
    file = tmp_path / "new" / "contexts.yaml"
    stage = Context(instance="stage", redis_url="${env:STAGE}")
    contexts = Contexts().having("stage", stage).having("123", Context(home="~/here")).using("stage")
    # When they are written, over an older file that others may read
    file.parent.mkdir()
    file.write_text("contexts: {}")
    file.chmod(0o644)
    write_contexts(file, contexts)
    # Then they are back, and nobody else can read them; nothing is left beside the file
    assert read_contexts(file) == contexts
    assert read_contexts(file).in_use == stage
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["contexts.yaml"]
    # and what is empty can be read back, too
    write_contexts(file, Contexts())
    assert read_contexts(file) == Contexts()


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("contexts: {}")
    link.symlink_to(real)
    write_contexts(link, Contexts().having("a", Context()))
    assert link.is_symlink()
    assert list(read_contexts(real).contexts) == ["a"]


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigProblems, match=r"file/contexts\.yaml: cannot be written: "):
        write_contexts(tmp_path / "file" / "contexts.yaml", Contexts())
    with pytest.raises(ConfigProblems, match=r"file/contexts\.yaml: cannot be read: Not a directory$"):
        read_contexts(tmp_path / "file" / "contexts.yaml")


def test_every_mistake_of_the_file_is_told_with_its_line_and_no_password(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "current: stag\n"
        "contexts:\n"
        "  stage:\n"
        "    instnce: stage\n"
        "    home: here\n"
        "    redis_url: redis://:hunter2@redis\n"
        "  dev:\n"
        "    instance: Dev Box\n"
        "    redis_url: http://redis\n"
        "  'a b': {}\n"
        "  query: {redis_url: 'redis://redis?password=hunter2'}\n"
    )
    with pytest.raises(ConfigProblems) as caught:
        read_contexts(file)
    password = "must not hold a password: refer to the whole address by ${env:NAME} or ${file:/absolute/path}"
    assert str(caught.value).replace(str(file), "c") == (
        "c:1: current: there is no context named stag; those that there are: a b, dev, query, stage\n"
        "c:4: contexts.stage.instnce: is not a known key; did you mean instance?\n"
        "c:5: contexts.stage.home: must be an absolute path, or begin with ~\n"
        f"c:6: contexts.stage.redis_url: {password}\n"
        "c:8: contexts.dev.instance: must be made of lower-case letters, digits and hyphens, 63 at most, "
        "and must not begin with a hyphen\n"
        "c:9: contexts.dev.redis_url: must be an address that begins with redis://, rediss:// or unix://\n"
        "c:10: contexts.a b: must be named with letters, digits, dots, hyphens and underscores, 63 at most\n"
        f"c:11: contexts.query.redis_url: {password}"
    )
    file.write_text("")
    with pytest.raises(ConfigProblems, match="holds no contexts: it has the keys current and contexts"):
        read_contexts(file)


def test_a_context_that_is_not_there_can_neither_be_used_nor_removed() -> None:
    with pytest.raises(UnknownContext, match=r"^There is no context named a; there is none yet\.$"):
        Contexts().using("a")
    some = Contexts().having("b", Context()).having("a", Context())
    with pytest.raises(UnknownContext, match=r"^There is no context named c; those that there are: a, b\.$"):
        some.without("c")
    with pytest.raises(ValidationError, match="must be named with letters"):
        some.having("c d", Context())


def test_removing_the_current_context_leaves_none_in_use() -> None:
    both = Contexts().having("a", Context(instance="a")).having("b", Context()).using("a")
    assert both.without("a") == Contexts().having("b", Context())
    assert both.without("b").in_use == Context(instance="a")
    assert both.having("a", Context(instance="c")).in_use == Context(instance="c")


def test_the_file_stands_where_the_variables_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert contexts_file() == tmp_path / ".config/d365acs/contexts.yaml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")  # to be ignored, says its specification
    assert contexts_file() == tmp_path / ".config/d365acs/contexts.yaml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/elsewhere")
    assert contexts_file() == Path("/elsewhere/d365acs/contexts.yaml")
    monkeypatch.setenv("D365ACS_CONTEXTS", "~/mine.yaml")
    assert contexts_file() == tmp_path / "mine.yaml"


def test_an_option_wins_over_the_environment_and_that_over_the_context(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given a context with an instance, a folder and a Redis whose address holds a password
    monkeypatch.setenv("STAGE", "redis://:hunter2@redis.stage.example.com/0")
    context = Context(instance="from-context", home="~/folder", redis_url="${env:STAGE}").settings()
    # When nothing else is said, then the context counts
    settings = Settings.read(context)
    assert (settings.instance, settings.home) == ("from-context", tmp_path / "folder")
    assert settings.effective_redis_url == "redis://:hunter2@redis.stage.example.com/0"
    # When a variable says otherwise, then it counts, unless it is empty
    monkeypatch.setenv("D365ACS_INSTANCE", "from-environment")
    monkeypatch.setenv("D365ACS_HOME", "")
    settings = Settings.read(context)
    assert (settings.instance, settings.home) == ("from-environment", tmp_path / "folder")
    # When an option is given, then that counts
    assert Settings.read(context, instance="from-option").instance == "from-option"
    # and who asks without a context, as worker processes do, does not get it
    assert Settings.read().redis_url is None


def test_what_a_context_says_is_judged_like_any_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "http://hunter2")
    with pytest.raises(BadSettings, match=r"^D365ACS_REDIS_URL must be an address"):
        Settings.read(Context(redis_url="${env:STAGE}").settings())
    monkeypatch.delenv("STAGE")
    with pytest.raises(SecretMissing, match="STAGE is not set"):
        Context(redis_url="${env:STAGE}").settings()
