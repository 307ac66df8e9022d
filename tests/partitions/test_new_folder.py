"""What is written lies in a folder of its own, in the place that was named, and nowhere else."""

from pathlib import Path

import pytest

from gmm_core.partitions.new_folder import check_room, new_folder


def test_a_new_folder_is_in_its_place_and_nobody_elses(tmp_path):
    place, beside = tmp_path / "place", tmp_path / "beside"
    beside.mkdir()
    with pytest.raises(ValueError, match=r"is not there \(GMM_OUT\). Ask whoever"):
        new_folder(str(place), "x").__enter__()
    place.mkdir()
    names = []
    (place / "taken").symlink_to(beside)
    for title in (
        "../beside",
        "taken",
        "taken",
        "/etc/passwd",
        "a b\u202e.parquet",
        "..",
        "x" * 300,
    ):
        with new_folder(str(place), title) as (name, address):
            names.append(name)
            assert Path(address) == place / name
            assert Path(address).is_dir()
            assert not list(Path(address).iterdir())
    assert names == [
        "beside", "taken-2", "taken-3", "etc-passwd", "a-b-parquet", "results", "x" * 60
    ]  # fmt: skip
    assert not list(beside.iterdir())
    assert {path.name for path in place.iterdir()} == {*names, "taken"}


def test_room_is_what_is_left_of_the_limit(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "x.parquet").write_bytes(b"x" * 1_200_000)
    check_room(str(tmp_path), 800_000, 2e6)
    check_room(str(tmp_path), 10**12, 0)  # no limit
    with pytest.raises(ValueError, match=r"up to 0\.9 MB.*has 1\.2 MB of the 2\.0 MB.*make room"):
        check_room(str(tmp_path), 900_000, 2e6)


def test_a_folder_goes_where_its_writing_ends_by_an_error(tmp_path):
    def written():
        with new_folder(str(tmp_path), "gone") as (_, address):
            (Path(address) / "half.unfinished").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written()
    assert not list(tmp_path.iterdir())
