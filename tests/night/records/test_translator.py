from __future__ import annotations

import pickle

import pytest

from pipeline.core.files import digest_document
from pipeline.core.image_io import DECODING
from pipeline.night.records.translator import OutputFormat, Recipe, recipe_digest
from pipeline.runtime.errors import DusklineError, ParameterError
from tests.night.fakes import JPG, Darkened, Nameless


def digest(level: int = 2, suffix: str = ".jpg", quality: int = 90) -> str:
    return Recipe.of(Darkened(level), OutputFormat(suffix, quality)).digest


def test_a_recipe_is_known_by_whatever_changes_a_byte() -> None:
    digests = [digest(), digest(level=3), digest(quality=91), digest(suffix=".png")]
    assert len(set(digests)) == 4
    assert digest() == digests[0]
    assert all(len(text) == 64 for text in digests)


def test_the_quality_of_a_png_is_no_difference() -> None:
    assert digest(suffix=".png", quality=10) == digest(suffix=".png", quality=90)


def test_the_recipe_in_words_tells_what_it_is() -> None:
    document = Recipe.of(Darkened(3), JPG).document()
    assert document["translator"] == "darkened"
    assert document["settings"] == '{"level": 3}'
    assert document["numeric_path"] == "cpu-uint8"
    assert document["output"] == {"suffix": ".jpg", "quality": 90}
    assert document["settings_digest"] == Recipe.of(Darkened(3), JPG).settings_digest


def test_how_days_were_decoded_is_part_of_it_and_older_recipes_keep_their_names() -> None:
    recipe = Recipe.of(Darkened(), JPG)
    older = {key: value for key, value in recipe.document().items() if key != "decoding"}
    named = {"translator": older["translator_digest"], "output": older["output"]}
    assert recipe_digest(older) == digest_document(named) != recipe.digest
    assert recipe.digest == digest_document(named | {"decoding": DECODING})


def test_settings_and_output_are_in_the_settings_digest_and_weights_are_not() -> None:
    class Heavier(Darkened):
        def record(self) -> dict[str, str]:
            return super().record() | {"checkpoint_digest": "other"}

    recipe = Recipe.of(Darkened(), JPG)
    assert Recipe.of(Heavier(), JPG).settings_digest == recipe.settings_digest
    assert Recipe.of(Heavier(), JPG).digest != recipe.digest
    assert Recipe.of(Darkened(5), JPG).settings_digest != recipe.settings_digest
    assert Recipe.of(Darkened(), OutputFormat(".jpg", 50)).settings_digest != recipe.settings_digest


def test_a_recipe_crosses_processes_unchanged() -> None:
    recipe = Recipe.of(Darkened(), JPG)
    again = pickle.loads(pickle.dumps(recipe))
    assert again == recipe
    assert again.digest == recipe.digest


def test_a_record_that_lacks_something_is_named() -> None:
    with pytest.raises(DusklineError, match="record of Nameless lacks checkpoint_digest, numeric_path"):
        Recipe.of(Nameless(), JPG)


@pytest.mark.parametrize("suffix", [".jpeg", "jpg", ".JPG", ".webp", ""])
def test_only_two_forms_are_written(suffix: str) -> None:
    with pytest.raises(ParameterError, match=r"written as \.jpg or \.png"):
        OutputFormat(suffix, 90)


@pytest.mark.parametrize("quality", [0, -1, 96, 100])
def test_a_quality_outside_its_range_is_refused(quality: int) -> None:
    with pytest.raises(ParameterError, match=f"between 1 and 95, not {quality}"):
        OutputFormat(".jpg", quality)
