from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipeline.core.files import digest_bytes
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.store import open_store
from pipeline.night.engine.translate_image import Translated
from pipeline.night.engine.translate_set import translate_set
from pipeline.night.records.translator import Recipe
from pipeline.night.upkeep.prune import Amount, Part, prune, survey
from pipeline.runtime.errors import DusklineError
from tests.night.fakes import (
    JPG,
    PNG,
    REFUSED,
    Darkened,
    Nightly,
    day_name,
    days,
    picture,
    plain,
    tree,
    write_days,
)

pytestmark = pytest.mark.usefixtures("pool_here")


class InSets(Nightly):
    """A run whose sets are in `data/sets`, as the project has them."""

    @property
    def sets(self) -> Path:
        return self.base / "data" / "sets"

    @property
    def out(self) -> Path:
        return self.sets / f"night{self.level}"

    def part(self, number: int = 0) -> Part:
        return survey(self.store, self.sets)[number]

    def prune(self) -> Amount:
        return prune(self.store, self.sets)


@pytest.fixture
def nightly(tmp_path: Path) -> InSets:
    return InSets(tmp_path)


@pytest.fixture
def day(nightly: InSets) -> ImageSet:
    return write_days(nightly.sets / "day", days(8))


def shrunk(nightly: InSets) -> ImageSet:
    """The first five days alone: the nights of the others are used no more."""
    root = nightly.base / "first"
    return ImageSet.open(root) if root.exists() else write_days(root, dict(sorted(days(8).items())[:5]))


def entries(nightly: InSets) -> list[Path]:
    return sorted(path for path in nightly.store.rglob("*/*/*") if path.suffix in (".jpg", ".png"))


def unlink_from_sets(nightly: InSets) -> None:
    """Make every night of the store a file with one name, as where hard links cannot be made."""
    for path in entries(nightly):
        times = path.stat()
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_an_empty_or_missing_store_has_nothing_to_prune(nightly: InSets) -> None:
    assert survey(nightly.store, nightly.sets) == []
    assert nightly.prune() == Amount()


def test_what_a_set_shares_is_used_and_the_rest_goes(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    nightly.run(shrunk(nightly))
    sizes = {path: path.stat().st_size for path in entries(nightly)}
    unused = [path for path in sizes if path.stat().st_nlink == 1]
    assert len(unused) == 3
    part = nightly.part()
    assert part.unused == Amount(3, sum(sizes[path] for path in unused))
    assert part.used == Amount(5, sum(sizes.values()) - part.unused.size)
    before = tree(nightly.out)
    assert nightly.prune() == part.unused
    assert set(entries(nightly)) == set(sizes) - set(unused)
    assert tree(nightly.out) == before
    assert nightly.part() == Part(part.folder, part.used, Amount())
    assert nightly.prune() == Amount()


def test_the_pruned_store_tells_the_truth(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    nightly.run(shrunk(nightly))
    nightly.prune()
    kept = {path.stem for path in entries(nightly)}
    with open_store(nightly.store, Recipe.of(Darkened(), JPG)) as store:
        for row in day.rows:
            assert store.state(row.digest) == ("good" if row.digest in kept else "absent")
    nightly.calls()
    nightly.run(day)
    assert nightly.calls() == 3


def test_a_name_in_dvcs_cache_is_a_use(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    shutil.copytree(nightly.out, nightly.base / "cache", copy_function=os.link)
    shutil.rmtree(nightly.out)
    assert nightly.part().used.nights == 8
    assert nightly.prune() == Amount()
    shutil.rmtree(nightly.base / "cache")
    assert nightly.prune().nights == 8


def test_sets_that_are_copies_use_the_nights_that_they_name(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    nightly.run(shrunk(nightly))
    unlink_from_sets(nightly)
    assert (nightly.part().used.nights, nightly.part().unused.nights) == (5, 3)
    assert nightly.prune().nights == 3
    nightly.calls()
    nightly.run(shrunk(nightly))
    assert nightly.calls() == 0


def test_a_set_of_shards_uses_the_nights_that_it_names(nightly: InSets, day: ImageSet) -> None:
    """Their bytes are in the shards, so that no file shares them."""
    for images in (day, shrunk(nightly)):
        translate_set(images, nightly.out, Darkened(), JPG, nightly.store, 1, 0.0, shards_above=2)
    assert all(path.stat().st_nlink == 1 for path in entries(nightly))
    assert nightly.prune().nights == 3
    assert nightly.part().used.nights == 5


def test_a_set_of_another_recipe_names_no_night_of_this_one(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    nightly.level = 3
    nightly.run(day)
    shutil.rmtree(nightly.sets / "night2")
    unlink_from_sets(nightly)
    kept = Recipe.of(Darkened(3), JPG).digest
    assert {part.folder.name: part.used.nights for part in survey(nightly.store, nightly.sets)} == {
        kept: 8,
        Recipe.of(Darkened(2), JPG).digest: 0,
    }
    assert nightly.prune().nights == 8
    assert [path.name for path in nightly.store.iterdir()] == [kept]


def test_a_recipe_of_which_nothing_is_used_leaves_nothing_behind(nightly: InSets, day: ImageSet) -> None:
    nightly.output = PNG
    nightly.run(day)
    shutil.rmtree(nightly.out)
    assert nightly.prune().nights == 8
    assert list(nightly.store.iterdir()) == []
    nightly.run(day)
    assert len(ImageSet.open(nightly.out).rows) == 8


def test_what_somebody_else_put_into_the_store_stays(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    shutil.rmtree(nightly.out)
    foreign = [nightly.store / "notes.txt", nightly.part().folder / "ab" / "notes.txt"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert nightly.prune().nights == 8
    assert all(path.read_text() == "mine" for path in foreign)


def test_pictures_without_a_night_are_still_known_where_a_recipe_stays(
    nightly: InSets, day: ImageSet
) -> None:
    nightly.max_failed = 0.5
    bad = {day_name(100): b"no image", day_name(101): plain(REFUSED)}
    some = write_days(nightly.base / "some", days(4) | bad)
    nightly.run(some)
    nightly.run(day)
    nightly.calls()
    assert nightly.prune() == Amount()
    shutil.rmtree(nightly.out)
    nightly.run(some)
    assert nightly.prune().nights == 4
    summary = nightly.run(some)
    assert (summary.made, summary.failed, nightly.calls()) == (0, 2, 0)


def test_a_recipe_that_is_being_run_is_left_alone(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    shutil.rmtree(nightly.out)
    with open_store(nightly.store, Recipe.of(Darkened(), JPG)) as store:
        store.put(digest_bytes(b"one more"), Translated(picture(50), 16, 12))
        assert nightly.part() == Part(store.folder, Amount(), Amount(), running=True)
        assert nightly.prune() == Amount()
        assert store.state(digest_bytes(b"one more")) == "good"
    assert nightly.prune().nights == 9


def test_litter_and_nights_without_a_line_go_too(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    first = entries(nightly)[0]
    litter = first.with_name(".half.0123456789ab.part")
    unknown = first.with_name("0" * 64 + ".jpg")
    for path in (litter, unknown):
        path.write_bytes(b"half")
    assert nightly.prune() == Amount(1, 4)
    assert not litter.exists()
    assert len(entries(nightly)) == 8


@pytest.mark.parametrize("damage", ["no origins", "no recipe", "no document"])
def test_a_set_that_does_not_tell_what_it_uses_stops_everything(
    nightly: InSets, day: ImageSet, damage: str
) -> None:
    nightly.run(day)
    nightly.run(shrunk(nightly))
    recipe = nightly.out / "recipe.json"
    if damage == "no origins":
        (nightly.out / "origins.csv").unlink()
    else:
        recipe.unlink()
        recipe.write_text("{}" if damage == "no recipe" else "half a docum")
    for ask in (survey, prune):
        with pytest.raises(DusklineError, match=r"night2 does not say which nights it uses") as caught:
            ask(nightly.store, nightly.sets)
        assert "nothing was pruned" in caught.value.hint
    assert len(entries(nightly)) == 8


def test_a_set_that_is_being_written_is_none_yet(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    (nightly.sets / ".night2.new.part").mkdir()
    (nightly.sets / ".night2.new.part" / "recipe.json").write_text("half")
    assert nightly.prune() == Amount()


def test_a_recipe_is_told_in_words(nightly: InSets, day: ImageSet) -> None:
    nightly.run(day)
    title = nightly.part().title
    assert title.startswith(f"{Recipe.of(Darkened(), JPG).digest[:12]} darkened ")
    assert title.endswith('{"level": 2} cpu-uint8 quality 90 suffix .jpg')
    next(nightly.store.glob("*/recipe.json")).write_text("half")
    assert nightly.part().title.endswith("(its recipe.json cannot be read)")


def cut_off(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the process end at the `after`-th change that it makes to the disk, as a kill would."""
    left = after

    def counted(real: object) -> object:
        def call(*arguments: object, **options: object) -> object:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return real(*arguments, **options)  # type: ignore[operator]

        return call

    for owner, name in ((Path, "unlink"), (Path, "rmdir"), (Path, "replace"), (shutil, "rmtree")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


def ended_after(root: Path, changes: int) -> bool:
    """Prune, ended after so many changes; False when it came to its end before."""
    with pytest.MonkeyPatch.context() as patched:
        cut_off(patched, changes)
        try:
            prune(root / "nights", root / "sets")
        except KeyboardInterrupt:
            return True
    return False


@pytest.mark.parametrize("used", [0, 5])
def test_whenever_it_is_ended_the_store_is_good_and_the_next_goes_on(tmp_path: Path, used: int) -> None:
    recipe = Recipe.of(Darkened(), JPG)
    sources = [digest_bytes(b"day %d" % number) for number in range(8)]
    for changes in range(60):
        root = tmp_path / str(changes)
        (root / "sets").mkdir(parents=True)
        with open_store(root / "nights", recipe) as store:
            for number, source in enumerate(sources):
                store.put(source, Translated(b"night %d" % number, 4, 3))
                if number < used:
                    os.link(store.path(source), root / "sets" / f"{number}.jpg")
        ended = ended_after(root, changes)
        with open_store(root / "nights", recipe) as store:
            for number, source in enumerate(sources):
                there = Path(store.path(source)).exists()
                assert store.state(source) == ("good" if there else "absent")
                assert there or number >= used
        prune(root / "nights", root / "sets")
        left = list((root / "nights").rglob("*.jpg"))
        assert len(left) == used
        if not ended:
            break
    assert changes > 8
