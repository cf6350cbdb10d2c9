"""Cards of the first schema, still open; spaces, conditions and assets of the second."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genlab import Model, load
from genlab.contract.card import Card, Condition
from genlab.contract.catalogue import CHECKOUT
from genlab.contract.errors import ContractError
from genlab.contract.kinds import KINDS, Setting, Wanted
from genlab.contract.limits import MAX_ASSET_BYTES
from genlab.contract.publish import publish, verify_folder
from genlab.contract.reading import parse, read, read_asset
from genlab.contract.tensors import Tensor
from genlab.runtime.errors import InputError
from genlab.runtime.smoke import probe

Source = Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]
Compile = Callable[[str], bytes]

CARDS = sorted(CHECKOUT.glob("*/card.json"))
COMMITTED = [path.parent for path in CARDS if json.loads(path.read_text())["schema"] == 1]
assert COMMITTED


@pytest.mark.parametrize("folder", COMMITTED, ids=lambda folder: folder.name)
def test_a_committed_card_of_the_first_schema_says_the_same_in_the_second(folder: Path) -> None:
    text = (folder / "card.json").read_text()
    old, card = json.loads(text), read(folder)
    assert old["schema"] == 1
    assert card.schema_ == 2
    assert card.title == old["title"]
    assert ": " not in card.dataset_title
    assert [card.dataset_title, card.name] == old["title"].split(": ", 1)
    assert list(card.event_shape) == old["event_shape"]
    assert card.space.kind == ("image" if len(old["event_shape"]) == 3 else "points")
    assert card.space.channels == (1 if card.space.kind == "image" else None)
    assert card.extent == (tuple(old["extent"]) if "extent" in old else None)
    bound = old["measure"].get("bound")
    continuous = old["measure"]["kind"] == "continuous"
    expected = bound or ("exact" if continuous and "log_prob" in card.verbs else None)
    assert card.measure.bound == expected
    takes = any("label" in graph["inputs"] for graph in old["graphs"].values())
    assert set(card.conditions) == ({"label"} if takes else set())
    assert card.null("label") == old["constants"].get("null_label")
    same = {"id", "family", "dataset", "kind", "recipe", "history", "license", "references"}
    document = json.loads(card.dumps())
    assert {key: document[key] for key in same & old.keys()} == {
        key: old[key] for key in same & old.keys()
    }
    assert parse(folder.name, card.dumps()) == card
    assert (folder / "card.json").read_text() == text


def test_densities_of_the_first_schema() -> None:
    bounds = {card.parent.name: None for card in CHECKOUT.glob("*/card.json")}
    assert bounds
    assert read(CHECKOUT / "moons-flow-spline").measure.bound == "exact"
    assert read(CHECKOUT / "mnist-flow").measure.bound == "lower"


def test_a_file_stamped_with_the_first_schema_is_valid_under_the_second(tmp_path: Path) -> None:
    """The bytes of the graphs stay: only the card is written anew."""
    folder = tmp_path / "moons-exact"
    folder.mkdir()
    for path in (CHECKOUT / "moons-exact").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "card.json").write_text(read(folder).dumps())
    assert json.loads((folder / "card.json").read_text())["schema"] == 2
    assert verify_folder(folder).schema_ == 2


@pytest.mark.parametrize("title", ["Moons: exact", "exact"])
def test_a_title_is_split(source: Source, tmp_path: Path, title: str) -> None:
    card, files = source("toy-flow")
    card |= {"schema": 1, "title": title, "event_shape": [2], "extent": None}
    for key in ("name", "dataset_title", "spaces"):
        card.pop(key, None)
    made = publish(tmp_path / "toy-flow", card, files)
    assert made.name == "exact"
    assert made.dataset_title == ("Moons" if ":" in title else "toy")
    assert json.loads((tmp_path / "toy-flow" / "card.json").read_text())["schema"] == 2


WRONG: Any = [
    ({"measure": {"kind": "continuous", "bound": None}}, "measure.bound"),
    ({"spaces": {}}, "spaces"),
    ({"spaces": {"data": {"shape": [2], "kind": "image"}}}, "spaces.data.shape"),
    ({"spaces": {"data": {"shape": [2, 8, 8], "kind": "image"}}}, "spaces.data.shape"),
    ({"spaces": {"data": {"shape": [2], "kind": "sound"}}}, "spaces.data.kind"),
    ({"spaces": {"../data": {"shape": [2], "kind": "points"}}}, "spaces"),
    ({"conditions": {"x": {"dtype": "float32"}}}, "conditions.x"),
    ({"conditions": {"word": {"dtype": "text"}}}, "conditions.word.dtype"),
    ({"conditions": {"word": {"dtype": "int64", "null": 0.5}}}, "conditions.word.null"),
    ({"conditions": {"label": {"dtype": "int64"}}}, "conditions.label.values"),
    (
        {
            "constants": {"classes": ["dark", "light"]},
            "conditions": {"label": {"dtype": "int64", "values": 3}},
        },
        "conditions.label.values",
    ),
    ({"constants": {"classes": ["dark", "light", "dark"]}}, "constants.classes"),
    ({"constants": {"classes": ["dark", " "]}}, "constants.classes"),
    ({"assets": {"words": {"file": "../words.txt"}}}, "assets.words"),
]


@pytest.mark.parametrize(("change", "field"), WRONG)
def test_a_broken_card_names_its_field(models: Path, change: dict[str, Any], field: str) -> None:
    path = models / "toy-flow" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ContractError) as caught:
        read(models / "toy-flow")
    assert caught.value.field.startswith(field)


def with_words(source: Source, words: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    card, files = source("toy-flow")
    return card | {"assets": {"words": {"file": "words.txt"}}}, files | {"words.txt": words}


def test_an_asset_is_verified_like_all_else(tmp_path: Path, source: Source) -> None:
    folder = tmp_path / "toy-flow"
    card = publish(folder, *with_words(source, b"sun moon"))
    assert card.assets["words"].bytes == 8
    assert read_asset(folder, card, "words") == b"sun moon"
    with pytest.raises(ContractError, match=r"assets: expected one of \['words'\]"):
        read_asset(folder, card, "tunes")
    again = publish(folder, *with_words(source, b"sun star"))
    assert read_asset(folder, again, "words") == b"sun star"
    assert {path.name for path in folder.iterdir()} == {*again.files, "card.json"}
    (folder / again.assets["words"].file).write_bytes(b"sun spot")
    with pytest.raises(ContractError, match=r"words.*expected sha256"):
        verify_folder(folder)
    with pytest.raises(ContractError, match=r"words.*expected sha256"):
        read_asset(folder, again, "words")


def test_an_asset_has_a_limit(tmp_path: Path, source: Source) -> None:
    with pytest.raises(ContractError, match=r"assets\.words\.bytes: expected at most 8,388,608"):
        publish(tmp_path / "toy-flow", *with_words(source, b" " * (MAX_ASSET_BYTES + 1)))


def one_verb(
    folder: Path, source: Source, data: bytes, graphs: dict[str, tuple[list[str], list[str]]]
) -> Callable[..., Model]:
    """Publishes a model whose verbs share one file."""
    card, files = source("toy-flow")
    card = copy.deepcopy(card)
    for key in ("title", "event_shape", "extent"):
        card.pop(key, None)
    card |= {"schema": 2, "name": "toy", "dataset_title": "Toy", "snapshots": None, "latent": None}
    card["graphs"] = {
        verb: {"file": "one.onnx", "inputs": inputs, "outputs": outputs}
        for verb, (inputs, outputs) in graphs.items()
    }

    def make(**fields: Any) -> Model:
        publish(folder / "toy-flow", card | fields, files | {"one.onnx": data})
        return load("toy-flow", folders=[folder], device="cpu")

    return make


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 64, 64)])
def test_images_of_colour_and_of_any_size(
    tmp_path: Path, source: Source, compile_onnx: Compile, shape: tuple[int, ...]
) -> None:
    event = ",".join(map(str, shape))
    text = f"""
    critic (float[n,{event}] x) => (float[n] critic)
    <int64[3] axes = {{1, 2, 3}}> {{ critic = ReduceMean<keepdims=0>(x, axes) }}"""
    make = one_verb(tmp_path, source, compile_onnx(text), {"critic": (["x"], ["critic"])})
    space = {"shape": list(shape), "kind": "image"}
    model = make(spaces={"data": space}, constants={"critic_scale": "logit"})
    x = np.random.default_rng(0).random((5, *shape), np.float32)
    np.testing.assert_allclose(model.run("critic", x=x)["critic"], x.mean((1, 2, 3)), rtol=1e-4)
    assert model.card.space.channels == shape[0]
    with pytest.raises(InputError, match=r"x: expected shape \[n, "):
        model.run("critic", x=x[:, :, 1:])


TWO = {
    "translate:day>night": (["x"], ["y"]),
}
SPACES = {
    "day": {"shape": [2], "kind": "points", "extent": [0.0, 1.0, 0.0, 1.0]},
    "night": {"shape": [1, 2, 2], "kind": "image"},
}


def test_a_translation_there_and_back(
    tmp_path: Path, source: Source, compile_onnx: Compile
) -> None:
    there = """
    there (float[n,2] x) => (float[n,1,2,2] y)
    <int64[4] shape = {-1, 1, 2, 2}> { both = Concat<axis=1>(x, x) y = Reshape(both, shape) }"""
    back = """
    back (float[n,1,2,2] x) => (float[n,2] y)
    <int64[2] flat = {-1, 4}, int64[1] none = {0}, int64[1] two = {2}, int64[1] one = {1}>
    { row = Reshape(x, flat) y = Slice(row, none, two, one) }"""
    card, files = source("toy-flow")
    for key in ("title", "event_shape", "extent"):
        card.pop(key, None)
    sides = {"inputs": ["x"], "outputs": ["y"]}
    card |= {
        "schema": 2,
        "name": "toy",
        "dataset_title": "Toy",
        "snapshots": None,
        "latent": None,
        "spaces": SPACES,
        "graphs": {
            "translate:day>night": {"file": "there.onnx", **sides},
            "translate:night>day": {"file": "back.onnx", **sides},
        },
    }
    files |= {"there.onnx": compile_onnx(there), "back.onnx": compile_onnx(back)}
    publish(tmp_path / "toy-flow", card, files)
    model = load("toy-flow", folders=[tmp_path], device="cpu").open()
    x = np.random.default_rng(0).random((2_300, 2), np.float32)
    night = model.run("translate:day>night", x=x)["y"]
    assert night.shape == (2_300, 1, 2, 2)
    np.testing.assert_array_equal(model.run("translate:night>day", x=night)["y"], x)
    inside = probe(model.card, "translate:day>night", 50)["x"]
    assert ((inside >= 0) & (inside <= 1)).all()
    with pytest.raises(InputError, match=r"x: expected shape \[n, 1, 2, 2\]"):
        model.run("translate:night>day", x=x)
    card["graphs"] = {"translate:day>dawn": {"file": "there.onnx", **sides}}
    with pytest.raises(ContractError, match=r"graphs\.translate:day>dawn: expected one of"):
        publish(tmp_path / "toy-flow", card, files)


def test_conditions_are_inputs_of_their_names(
    tmp_path: Path, source: Source, compile_onnx: Compile
) -> None:
    """One counted without a null value, one a vector of numbers."""
    text = """
    decode (float[n,2] z, int64[n,3] words, float[n,2] way) => (float[n,2] x)
    <int64[1] one = {1}>
    {
      real = Cast<to=1>(words)
      sum = ReduceSum<keepdims=1>(real, one)
      far = Mul(way, sum)
      x = Add(z, far)
    }"""
    graphs = {"decode": (["z", "words", "way"], ["x"])}
    make = one_verb(tmp_path, source, compile_onnx(text), graphs)
    model = make(
        spaces={"data": {"shape": [2], "kind": "points"}},
        latent={"dim": 2, "law": "normal"},
        conditions={
            "words": {"dtype": "int64", "shape": [3], "values": 4},
            "way": {"dtype": "float32", "shape": [2], "null": 0},
        },
    )
    z, way = np.zeros((2, 2)), np.float32([[1, 0], [0, 1]])
    found = model.run("decode", z=z, words=np.array([[0, 1, 2], [3, 3, 3]]), way=way)["x"]
    np.testing.assert_array_equal(found, [[3, 0], [0, 9]])
    for words, told in (
        (np.array([[0, 1, 4]] * 2), "words: expected 0 to 3, found 4"),
        (np.array([[0, 1]] * 2), r"words: expected shape \[n, 3\], found shape \[2, 2\]"),
        (np.zeros((2, 3)), "words: expected whole numbers"),
    ):
        with pytest.raises(InputError, match=told):
            model.run("decode", z=z, words=words, way=way)
    with pytest.raises(InputError, match="inputs of decode"):
        model.run("decode", z=z, words=np.zeros((2, 3), int))


@pytest.mark.parametrize("null", [None, 3])
def test_examples_of_a_condition_are_legal_and_hold_every_value(null: int | None) -> None:
    label = Condition(dtype="int64", values=3, null=null)
    spaces = read(CHECKOUT / "moons-exact").spaces
    setting = Setting(spaces, conditions={"label": label})
    tensor = Tensor("label", ("n",), "int64", kind="condition")
    wanted = Wanted(setting, tensor, (33,), np.random.default_rng(0))
    kind = KINDS["condition"]
    assert kind.example is not None
    assert kind.judge is not None
    made = kind.example(wanted)
    assert set(made) == {0, 1, 2} | ({3} if null else set())
    assert kind.judge(setting, tensor, made) is None
    assert set(kind.probe(wanted)) == {0, 1, 2}
    assert kind.judge(setting, tensor, made + 5) is not None
    assert isinstance(read(CHECKOUT / "moons-exact"), Card)
