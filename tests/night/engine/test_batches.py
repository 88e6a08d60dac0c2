from __future__ import annotations

from pathlib import Path

from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.pool import night_pool
from pipeline.night.engine.translate_image import Failed, Translated
from pipeline.night.engine.translate_set import translate_set
from tests.night.fakes import (
    FAULTY,
    JPG,
    PNG,
    REFUSED,
    Darkened,
    DarkenedTogether,
    days,
    picture,
    plain,
    tree,
    write_days,
)
from tests.night.work import tasks


def test_every_task_has_its_own_answer_whatever_its_shape(tmp_path: Path) -> None:
    pictures = [picture(number, *((16, 12) if number % 3 else (12, 16))) for number in range(25)]
    pictures[7], pictures[11], pictures[12] = plain(REFUSED), b"no image", plain(FAULTY)
    work = tasks(tmp_path, pictures)
    (tmp_path / "20.jpg").unlink()
    with night_pool(DarkenedTogether(), PNG, tmp_path, 1) as pool:
        answers = list(pool.run(work))
    assert [task for task, _ in answers] == work
    found = [answer for _, answer in answers]
    assert found[7] == Failed("too plain to be translated", "image")
    assert found[11] == Failed("not an image that can be read", "image")
    assert found[12] == Failed("RuntimeError: out of order", "fault")
    assert found[20] == Failed("cannot be read (No such file or directory)", "reading")
    for number in set(range(25)) - {7, 11, 12, 20}:
        made = found[number]
        assert isinstance(made, Translated)
        assert (read_rgb(made.data) == read_rgb(pictures[number]) // 2).all()


def test_pictures_are_translated_in_full_batches_of_one_shape(tmp_path: Path) -> None:
    log = tmp_path / "batches.log"
    work = tasks(tmp_path, [picture(number) for number in range(40)])
    with night_pool(DarkenedTogether(log=log, wait=0.05), PNG, tmp_path, 1) as pool:
        assert len(list(pool.run(work))) == 40
    batches = [int(line.split()[0]) for line in log.read_text().splitlines()]
    assert sum(batches) == 40
    # The first may begin before more has arrived, and the last is what is left.
    assert batches[1:-1] == [4] * (len(batches) - 2)


class Broken(DarkenedTogether):
    def translate(self, pictures: object) -> list:
        raise RuntimeError(f"no device for a {type(pictures).__name__}")


def test_a_batch_that_fails_is_a_fault_of_each_of_its_pictures(tmp_path: Path) -> None:
    work = tasks(tmp_path, [picture(number) for number in range(6)])
    with night_pool(Broken(), PNG, tmp_path, 1) as pool:
        answers = [answer for _, answer in pool.run(work)]
    assert answers == [Failed("RuntimeError: no device for a list", "fault")] * 6


def test_the_set_is_that_of_one_at_a_time(tmp_path: Path) -> None:
    write_days(tmp_path / "day", days(21))
    trees = []
    for name, translator in (("alone", Darkened()), ("together", DarkenedTogether())):
        day = ImageSet.open(tmp_path / "day")
        translate_set(day, tmp_path / name, translator, JPG, tmp_path / "work" / name, 1, 0.0)
        trees.append(tree(tmp_path / name))
    assert trees[0] == trees[1]
