"""Link headers in the forms that servers write them."""

from __future__ import annotations

import pytest

from connectors.journal_links import links_to


@pytest.mark.parametrize(
    "header",
    [
        '</a?since=x:1&limit=2>; rel="next"',
        "</a?since=x:1&limit=2>;rel=next",
        '</a?since=x:1&limit=2> ; REL = "Next"',
        '</a?since=x:1&limit=2>; title="a, b; <c>"; rel="next"',
        '</a?since=x:1&limit=2>; rel="prefetch next"; anchor="#x"',
        '</v>; rel="validate", </a?since=x:1&limit=2>; rel="next"',
        '</a?since=x:1&limit=2>; rel="next", </v>; rel="validate"',
        '</p?since={position}&limit={count}>; rel="page",</a?since=x:1&limit=2>; rel="next"',
        '</a?since=x:1&limit=2>; rel="next", </a?since=x:1&limit=2>; rel="next"',
        "</a?since=x:1&limit=2>; rel=next; rel=validate",
        '< /a?since=x:1&limit=2 >; rel="next"',
    ],
)
def test_the_link_of_a_relation_is_found(header: str) -> None:
    assert links_to("next", header) == ["/a?since=x:1&limit=2"]


def test_a_comma_within_a_link_belongs_to_it() -> None:
    assert links_to("next", '</a?since=x,y>; rel="next", </b>; rel="b"') == ["/a?since=x,y"]


def test_different_links_of_one_relation_are_all_told() -> None:
    assert links_to("next", '</a>; rel="next", </b>; rel="next"') == ["/a", "/b"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "</a>",
        '</a>; rel="validate"',
        '</a>; rel="nextpage"',
        "</a; rel=next",
        '</a>; title="rel=next"',
        "next",
        "</a>; rel=validate; rel=next",
        '</a>; rel=""; rel=next',
    ],
)
def test_what_is_no_such_link_is_none(header: str) -> None:
    assert links_to("next", header) == []


def test_a_long_header_of_nothing_ends_soon() -> None:
    # Given text that invites a regular expression to try everything
    assert links_to("next", "<a>" + "; x=" * 20_000) == []
    assert links_to("next", "<" * 20_000) == []
