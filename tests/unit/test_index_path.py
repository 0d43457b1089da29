"""A folder more in solve.index_path, and not one other character changed."""

import tomllib

import pytest

from iop4cli.errors import UsageError
from iop4cli.shell.index_path import listed, with_folder

TEXTS = [
    "",
    "# mine\n[phot]\nradius_fwhm = 1.2  # wide\n",
    "[solve] # how\nmax_stars = 5\n[pol]\nmin_stars = 2\n",
    '# [solve]\n# index_path = ["/x"]\n',
    '[solve]\nindex_path = ["/a"]   # [old] "disk"\nmax_stars = 5\n',
    '[solve]\nindex_path = [\n    "/a", # one, two]\n    "/b"  # the "other" ]\n]  # end\n[phot]\nradius_fwhm = 1.2\n',
    "[solve]\nindex_path = [\n  '/a',\n]\n",
    "[solve]\nindex_path = []\n",
    '[solve]\nindex_path = "/a:/b" # "text"\n',
    'solve.index_path = [ "/a", ]\n',
    "jobs = 2",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("folder", ["/new", "/with blank/and é"])
def test_one_folder_more_and_every_line_kept(text, folder):
    changed = with_folder(text, folder, [], "iop4.toml")
    assert listed(changed) == [*(listed(text) or []), folder]
    before, after = tomllib.loads(text), tomllib.loads(changed)
    for tree in (before, after):
        tree.setdefault("solve", {}).pop("index_path", None)
    assert after == before
    # What was written can be had back by taking characters away: nothing of it is lost or turned round.
    rest = iter(changed)
    assert all(letter in rest for letter in text)


def test_a_list_that_begins_here_begins_with_what_held_before():
    assert listed(with_folder("", "/new", ["/of the user"], "iop4.toml")) == ["/of the user", "/new"]


def test_what_cannot_be_written_without_loss_is_left_to_people():
    with pytest.raises(UsageError, match="by hand"):
        with_folder("solve = { max_stars = 5 }\n", "/new", [], "iop4.toml")
