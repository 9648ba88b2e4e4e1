"""The generated page and JSON Schema: fresh, whole, and in agreement with what reading accepts."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from config import reference, reference_texts
from config.document import plain
from config.egress import EgressConfig
from config.ingress import IngressConfig
from config.json_schema import describe
from config.load import load, read_text
from config.model import Model
from config.optinout import OptinoutConfig
from config.problems import ConfigProblems
from config.yaml_lines import read_tree
from tests.unit.config.egresses import EGRESS_CONFIGS
from tests.unit.config.json_schema import takes
from tests.unit.config.mappings import ingress_configs
from tests.unit.config.optinouts import optinout_configs

EXAMPLES = sorted((reference.DOCS / "examples").glob("*.yaml"))
SCHEMA = describe()


def test_the_pages_in_the_repository_are_fresh() -> None:
    reference.main(["--check"])


def test_a_stale_page_is_named_with_the_way_to_make_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a folder without pages
    monkeypatch.setattr(reference, "DOCS", tmp_path)
    with pytest.raises(SystemExit, match=r"^docs/configuration\.md is not fresh; run: python -m config\.reference$"):
        reference.main(["--check"])
    # When they are made, then they are fresh, until somebody changes one
    reference.main([])
    reference.main(["--check"])
    (tmp_path / "d365acs.schema.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"^docs/d365acs\.schema\.json is not fresh"):
        reference.main(["--check"])


@pytest.mark.parametrize("model", reference_texts.EXAMPLES, ids=lambda model: model.__name__)
def test_every_example_of_the_page_is_right(model: type[Model]) -> None:
    assert read_text(reference_texts.EXAMPLES[model], model.__name__, model, "is empty")


def test_every_key_of_a_file_is_on_the_page() -> None:
    page = reference.page()
    for model in (SCHEMA, *SCHEMA["$defs"].values()):
        for key, said in model["properties"].items():
            row = next(line for line in page.splitlines() if line.startswith(f"| `{key}` |"))
            assert len(row.split("|")) == 6, row
            assert said["description"], key


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_schema_takes_the_example_files(example: Path) -> None:
    text = example.read_text()
    assert load(text, example.name)
    assert takes(SCHEMA, read_tree(text).value)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(ingress_configs())
def test_the_schema_takes_every_configuration_that_reading_takes(config: IngressConfig) -> None:
    assert takes({"$ref": "#/$defs/IngressConfig"}, plain(config), SCHEMA)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(EGRESS_CONFIGS)
def test_the_schema_takes_every_egress_that_reading_takes(config: EgressConfig) -> None:
    assert takes({"$ref": "#/$defs/EgressConfig"}, plain(config), SCHEMA)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(optinout_configs())
def test_the_schema_takes_every_optinout_that_reading_takes(config: OptinoutConfig) -> None:
    assert takes({"$ref": "#/$defs/OptinoutConfig"}, plain(config), SCHEMA)


@pytest.mark.parametrize(
    ("part", "key", "wrong"),
    [
        ((), "direction", "both"),
        ((), "flags", [{"dynamics": "donotemail", "campaign": "phone"}]),
        ((), "flags", [{"dynamics": "DoNotEmail", "campaign": "blackListEmail"}]),
        ((), "flags", [{"dynamics": "donotemail", "campaign": "blackListEmail", "policy": "latest"}]),
        ((), "retention_days", 0),
        (("files",), "true_values", []),
        (("files",), "true_values", [1]),
        (("files", "columns"), "flags", {"phone": "a"}),
        (("files", "columns"), "flags", {"blackListFax": None}),
        (("files", "columns"), "modified", ""),
        (("export_workflow",), "every_seconds", 599),
        (("export_workflow",), "id", "WKF 1"),
        (("times",), "push", "now"),
    ],
    ids=str,
)
def test_what_the_schema_refuses_of_optinout_reading_refuses_too(part: tuple[str, ...], key: str, wrong: Any) -> None:
    # Given the example of consent from files with one value that is wrong
    value: Any = read_tree((reference.DOCS / "examples" / "optinout-files.yaml").read_text()).value
    place = value["optinout"]
    for step in part:
        place = place.setdefault(step, {})
    place[key] = wrong
    # Then the editor's schema refuses it, and so does reading
    assert not takes(SCHEMA, value)
    with pytest.raises(ConfigProblems):
        load(json.dumps(value), "f")


def test_the_schema_takes_both_spellings_of_a_flag() -> None:
    value: Any = read_tree((reference.DOCS / "examples" / "optinout.yaml").read_text()).value
    value["optinout"]["flags"] = [{"dynamics": "donotemail", "campaign": "denyListEmail"}]
    value["optinout"]["files"] = {"columns": {"times": {"denyListEmail": None}}}
    assert takes(SCHEMA, value)


@pytest.mark.parametrize(
    ("part", "key", "wrong"),
    [
        ((), "source", "sftp"),
        ((), "batch_size", 1001),
        ((), "contact_limit_seconds", -1),
        ((), "date_formats", "%Y"),
        (("events",), "sends", "yes"),
        (("journal",), "page_size", 0),
        (("journal", "fields"), "id", "a..b"),
        (("journal", "fields"), "contact", None),
        (("journal", "fields"), "mirror", "x"),
        (("files",), "delimiter", "ab"),
        (("files",), "delimiter", "a"),
        (("files",), "quote", "`"),
        (("types",), "open", [2]),
        (("activities",), "link", {}),
        (("activities", "send"), "table", "Adobe"),
        (("activities", "send"), "url", "new_url"),
    ],
    ids=str,
)
def test_what_the_schema_refuses_of_egress_reading_refuses_too(part: tuple[str, ...], key: str, wrong: Any) -> None:
    # Given the example of egress with one value that is wrong
    value: Any = read_tree((reference.DOCS / "examples" / "egress.yaml").read_text()).value
    place = value["egress"]
    for step in part:
        place = place.setdefault(step, {})
    place[key] = wrong
    # Then the editor's schema refuses it, and so does reading
    assert not takes(SCHEMA, value)
    with pytest.raises(ConfigProblems):
        load(json.dumps(value), "f")


@pytest.mark.parametrize(
    ("table", "key", "wrong"),
    [
        (0, "filter", {}),
        (0, "filter", {"all": []}),
        (0, "filter", {"all": [{"field": "a", "is": "empty"}], "any": [{"field": "a", "is": "empty"}]}),
        (0, "filter", {"all": [{"field": "a", "is": "eqals", "value": 1}]}),
        (0, "filter", {"all": [{"field": "a", "is": "equals"}]}),
        (0, "filter", {"all": [{"field": "a", "is": "equals", "value": [1]}]}),
        (0, "filter", {"all": [{"field": "a", "is": "empty", "value": 1}]}),
        (0, "filter", {"all": [{"field": "a", "is": "one_of", "value": 1}]}),
        (0, "filter", {"all": [{"field": "a", "is": "one_of", "value": []}]}),
        (0, "filter", {"all": [{"field": "a", "is": "between", "value": [1]}]}),
        (0, "filter", {"all": [{"field": "a", "is": "between", "value": [1, "2024-01-01"]}]}),
        (0, "filter", {"all": [{"field": "a", "is": "contains", "value": 1}]}),
        (0, "filter", {"all": [{"field": "a", "is": "before", "value": "soon"}]}),
        (0, "filter", {"all": [{"field": "a", "is": "contains_any", "value": ["a"]}]}),
        (0, "filter", {"all": [{"field": "A", "is": "empty"}]}),
        (0, "fields", [{"from": "a"}]),
        (0, "fields", [{"source": "a", "target": "b"}]),
        (0, "fields", [{"from": "a", "to": "b", "replace": {"1": None}}]),
        (0, "fields", [{"from": "a", "to": "b", "replace": {"1": [1]}}]),
        (0, "fields", [{"from": "a", "to": "b", "apply_updates": "yes"}]),
        (0, "apply_updates", None),
        (0, "colour", "red"),
        (1, "links", [{"from": "a", "to": "b"}]),
        (1, "links", [{"from": "a", "to": "b", "table": "contact", "required": 1}]),
        (1, "key", {"address": "elsewhere"}),
    ],
    ids=str,
)
def test_what_the_schema_refuses_reading_refuses_too(table: int, key: str, wrong: Any) -> None:
    # Given the example of every feature with one value that is wrong
    text = (reference.DOCS / "examples" / "every-feature.yaml").read_text()
    value: Any = copy.deepcopy(read_tree(text).value)
    value["ingress"]["tables"][table][key] = wrong
    # Then the editor's schema refuses it, and so does reading
    assert not takes(SCHEMA, value)
    with pytest.raises(ConfigProblems):
        load(json.dumps(value), "f")  # which is YAML, too
