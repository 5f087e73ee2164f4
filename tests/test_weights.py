"""The trained weights: small, unharmed, fitting the models of their lessons, and made by the recipes in the script."""

import json
from dataclasses import asdict

import pytest

from course_utils import weights
from scripts.weights import RECIPES, build

NAMES = weights.names()


def test_every_recipe_has_its_weights_and_the_other_way_round():
    assert NAMES == sorted(RECIPES)


def test_together_they_are_small():
    assert sum(path.stat().st_size for path in weights.FOLDER.glob("*.safetensors")) < 4_000_000


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_fit_the_model_in_the_lesson(name):
    state, facts = weights.load(name)
    model = build(RECIPES[name])
    model.load_state_dict(state)  # strict: every tensor, and no other
    assert sum(p.numel() for p in model.parameters()) == facts["parameters"]


@pytest.mark.parametrize("name", NAMES)
def test_the_facts_say_how_it_was_made(name):
    facts = weights.load(name).facts
    assert facts["command"] == f"make weights NAME={name}"
    assert {"data", "seed", "versions", "recipe", "made_on", "normalised_with"} <= facts.keys()
    assert facts["test_accuracy"] == facts["test_accuracy_by_epoch"][-1]
    assert len(facts["test_accuracy_by_epoch"]) == RECIPES[name].epochs
    recipe = json.loads(json.dumps(asdict(RECIPES[name])))  # as a JSON file holds it: lists for tuples
    assert {key: facts["recipe"].get(key) for key in recipe} == recipe


def test_a_changed_file_is_refused_and_an_unknown_name_too(tmp_path, monkeypatch):
    name = NAMES[0]
    content = (weights.FOLDER / f"{name}.safetensors").read_bytes()
    (tmp_path / f"{name}.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (tmp_path / f"{name}.json").write_bytes((weights.FOLDER / f"{name}.json").read_bytes())
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=f"{name}.safetensors is damaged: SHA-256 "):
        weights.load(name)
    with pytest.raises(ValueError, match="'vgg'; there are"):
        weights.load("vgg")
