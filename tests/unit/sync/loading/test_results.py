"""What Campaign says of an import is read as it was written, and doubted where it cannot be read."""

import pytest

from sync.loading.results import Unreadable, keys_of, rejects_name, written_name


def test_the_results_are_named_after_the_file() -> None:
    assert (written_name("profile_1"), rejects_name("profile_1")) == ("profile_1.written.csv", "profile_1.rejects.csv")


@pytest.mark.parametrize(
    "content",
    [
        b"externalId\na\nb\n",
        b"\xef\xbb\xbfexternalId\r\na\r\nb\r\n",
        b"lastName,externalId\nDoe,a\nRoe,b\n",
        b"externalId;reason\na;x\nb;\n",
        b'externalId\treason\n"a"\t"two\nlines"\nb\tx',
        b"externalId\na\nb\na\n",
    ],
)
def test_keys_are_found_whatever_stands_beside_them(content: bytes) -> None:
    assert keys_of(content, "externalId") == {"a", "b"}


def test_a_file_that_is_only_half_there_tells_what_it_tells() -> None:
    assert keys_of(b"reason,externalId\nx,a\nx", "externalId") == {"a"}


def test_no_row_is_no_key() -> None:
    assert keys_of(b"externalId\n", "externalId") == set()


@pytest.mark.parametrize("content", [b"", b"crmId\na\n", b"externalId\n\xff\n"])
def test_a_file_that_cannot_be_read_is_doubted(content: bytes) -> None:
    with pytest.raises(Unreadable):
        keys_of(content, "externalId")
