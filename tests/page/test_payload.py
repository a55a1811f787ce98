"""What the page is told of a record: complete, in plain JSON, safe, and small."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from unicodedata import combining

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError
from grad_engine.export.from_tensor import record_graph
from grad_engine.folding import drawn
from grad_engine.page import page_html, save_page
from grad_engine.page.captions import Build, Words, signs_in
from grad_engine.page.groups import grouped
from grad_engine.page.mathml import mathml
from grad_engine.page.payload import payload
from grad_engine.page.steps import beats
from tests.records import chain, dense, diamond, everything, fan, neuron, square

pytest.importorskip("graphlay")

GOLDEN = Path(__file__).parents[1] / "golden"
RECORDS: dict[str, Callable[[], ge.GraphRecord]] = {
    "chain": lambda: chain(40), "dense": lambda: dense(60), "diamond": lambda: diamond(8), "everything": everything,
    "fan": lambda: fan(12), "neuron": neuron, "square": square,
    "large": lambda: ge.load_graph(GOLDEN / "large.json"), "blog": lambda: ge.load_graph(GOLDEN / "blog.json"),
}  # fmt: skip


def record(name: str) -> ge.GraphRecord:
    return RECORDS[name]()


@pytest.mark.parametrize("name", RECORDS)
def test_every_reference_leads_somewhere(name: str) -> None:
    content = payload(record(name))
    items, tensors = {item["id"] for item in content["items"]}, content["tensors"]
    links = {link["id"] for link in content["links"]}
    assert all({link["from"], link["to"]} <= items for link in content["links"])
    groups = [group["id"] for group in content["groups"]]
    for group in content["groups"]:
        assert group["parent"] is None or groups.index(group["parent"]) < groups.index(group["id"])
    for item in content["items"]:
        assert item["shape"] < len(content["shapes"]) and (item["group"] is None or item["group"] in groups)
        named = [*item.get("outputs", ()), *filter(None, item.get("gradients", ())), item.get("tensor")]
        named += [operand[key] for operand in item.get("operands", ()) for key in ("tensor", "share")]
        named += [arrival["share"] for arrival in item.get("arrivals", ())]
        assert set(filter(None, named)) <= tensors.keys()
        assert set(item.get("rules", {}).values()) <= set(range(len(content["formulas"])))
    for beat in content["beats"]:
        assert {*beat["builds"], *beat["touches"], *beat["settles"]} <= items
        assert {*beat["values"], *beat["shares"], *beat["adds"]} <= links
        pieces = [piece for column in beat["columns"] for part in column.values() for piece in part]
        assert {piece["tensor"] for piece in pieces if "tensor" in piece} <= tensors.keys()
    for finding in content["findings"]:
        assert set(finding["about"]) <= items


@pytest.mark.parametrize("name", RECORDS)
def test_every_op_is_built_once_and_every_share_is_sent_once(name: str) -> None:
    """The page leaves nothing out: where the film shows several ops as one, it tells each."""
    content = payload(record(name))
    built = [item for beat in content["beats"] for item in beat["builds"]]
    assert len(built) == len(set(built)) and {item["id"] for item in content["items"]} == set(built)
    sent = [edge for beat in content["beats"] for edge in beat["shares"]]
    assert len(sent) == len(set(sent)) and set(sent) == {link["id"] for link in content["links"] if link["sent"]}


def test_the_data_is_json_without_numbers_that_json_lacks() -> None:
    x = ge.tensor([0.0, -1.0, 4.0], requires_grad=True)
    with np.errstate(all="ignore"):
        z = (ge.ln(x) / x).sum()
        z.backward(retain_graph=True)
    content = payload(ge.record_graph(z, names={"x": x}))
    assert json.loads(json.dumps(content, allow_nan=False)) == json.loads(json.dumps(content))
    values = [value for tensor in content["tensors"].values() for value in tensor.get("values", ())]
    assert {"NaN", "−∞"} <= set(filter(lambda value: isinstance(value, str), values))
    assert next(finding["about"] for finding in content["findings"] if finding["tone"] == "nonfinite")


def test_the_findings_are_those_of_the_report() -> None:
    x = ge.tensor([0.0, -1.0, 4.0], requires_grad=True)
    with np.errstate(all="ignore"):
        z = ge.ln(x).sum()
        z.backward(retain_graph=True)
    found = [each for each in payload(ge.record_graph(z))["findings"] if each["tone"] == "nonfinite"]
    told = [f"{each['title']} {each['text']}".strip() for each in found]
    assert told == list(ge.report(z).findings) and found[0]["about"] == ["n0"]


def test_numbers_are_those_of_the_record() -> None:
    found = record("large")
    content = payload(found)
    for tensor in found.tensors:
        if tensor.id in content["tensors"] and tensor.data is not None and tensor.data.values is not None:
            sent = content["tensors"][tensor.id]["values"]
            for value, known in zip(sent, tensor.data.values, strict=True):
                assert value == "NaN" if math.isnan(known) else math.isclose(value, known, rel_tol=1e-5)


def test_groups_follow_the_modules_and_lists_dissolve() -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True)
    h = x
    for layer in range(4):
        with ge.scope(f"model.layers.{layer}"):
            w = ge.tensor([1.0, 2.0], requires_grad=True, name=f"w{layer}")
            h = ge.tanh(h * w)
    found = ge.record_graph(h.sum(), names={"x": x})
    ids, links = drawn(found)
    groups, home = grouped(found, ids, links)
    paths = {group.id: group.path for group in groups}
    assert paths[home["n2"]] == "model.layers.1" and "model.layers" not in paths.values()
    assert [group.times for group in groups if group.times > 1] != [], "equal layers are together"
    names = {found.by_id[each.leaf].name: each.id for each in found.accumulators}
    assert paths[home[names["w1"]]] == "model.layers.1"


@pytest.mark.parametrize("in_blocks", [True, False])
def test_a_page_opens_with_twelve_equal_layers_as_one_group(in_blocks: bool) -> None:
    h = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    for layer in range(12):
        with ge.scope(f"deep.{layer}.lin" if in_blocks else f"deep.{2 * layer}"):
            h = h * ge.tensor([1.0, 2.0], requires_grad=True, name=f"w{layer}")
        with ge.scope(f"deep.{layer}.act" if in_blocks else f"deep.{2 * layer + 1}"):
            h = ge.tanh(ge.neg(h))
    with ge.scope("head"):
        h = h.sum()
    content = payload(ge.record_graph(h, names={}))
    inner = {group["parent"] for group in content["groups"]}
    outermost = [group for group in content["groups"] if group["parent"] is None]
    assert sorted((group["times"], group["closed"]) for group in outermost) == [(1, True), (12, True)]
    assert [group["times"] for group in outermost if group["id"] in inner] == [12], "it opens to the single ones"


class Markup(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    "name",
    [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "a\u2028b\u202ec",
        "x" * 10_000,
        "&lt;b&gt;",
    ],
)
def test_a_hostile_name_adds_no_element(name: str) -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name=name)
    z = (x * x).sum()
    z.backward(retain_graph=True)
    pages = [page_html(ge.record_graph(z, title=title, names={})) for title in (name, "plain")]
    quiet = page_html(ge.record_graph(z, title="plain", names={}))
    known = Markup()
    known.feed(quiet)
    for page in pages:
        found = Markup()
        found.feed(page)
        assert [tag for tag, _ in found.tags] == [tag for tag, _ in known.tags]
        assert not [attributes for _, attributes in found.tags if {"src", "onerror", "onload"} & attributes.keys()]


def test_nothing_can_be_requested_and_only_the_own_script_may_run() -> None:
    page = page_html(record("large"))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy and policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1] and not re.search(r"\b(?:src|href)=[\"'](?!#)", page)
    assert not re.search(r"https?://(?!www\.w3\.org/)", page)


def test_a_page_is_small() -> None:
    assert len(page_html(record("large")).encode()) <= 120_000


def test_the_theme_can_be_fixed_and_another_is_refused() -> None:
    assert 'data-theme="light"' in page_html(record("blog"), theme="light")
    assert "data-theme" not in page_html(record("blog")).split("<body>")[0].split("<style>")[0]
    with pytest.raises(ArgumentError, match="themes system, dark, light, got 'pink'"):
        page_html(record("blog"), theme="pink")


def test_a_page_is_replaced_whole_and_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "graph.html"
    path.write_text("old")
    assert save_page(record("blog"), path) == path
    assert path.read_text("utf-8") == page_html(record("blog"))
    with pytest.raises(ArgumentError, match="folder or device"):
        save_page(record("blog"), tmp_path)


def test_export_and_show_take_a_tensor_or_a_record(tmp_path: Path) -> None:
    weight = ge.tensor([1.0, 2.0], requires_grad=True)
    z = (weight * 3).sum()
    z.backward(retain_graph=True)
    page = ge.export_page(z, tmp_path / "z.html", title="mine").read_text("utf-8")
    assert "<title>mine</title>" in page and '"weight"' in page
    frame = ge.show_page(ge.record_graph(z), height=300)._repr_html_()
    assert frame.startswith(
        '<iframe sandbox="allow-scripts" style="width:100%;height:300px;border:0" srcdoc="&lt;!doctype'
    )


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (["*", "g", ["+", "x", 1]], '<mrow><mi data-name="g"></mi><mo>·</mo><mrow><mo>(</mo><mrow><mi data-name="x">'),
        (["/", "g", "x"], '<mfrac><mrow><mi data-name="g"></mi></mrow><mrow><mi data-name="x"></mi></mrow></mfrac>'),
        (["say", "<b>{g}</b> & more"], "<mtext>&lt;b&gt;</mtext>"),
        (["**", ["neg", "x"], 2], "<msup><mrow><mo>(</mo><mrow><mo>−</mo>"),
        (["sum", "x", ["kw", "axis", 0]], '<mi>sum</mi><mo>(</mo><mi data-name="x"></mi><mo>,</mo>'),
        (["-", "x", ["-", "y", "z"]], "<mo>−</mo><mrow><mo>(</mo>"),
    ],
)
def test_formulas_become_mathml(tree: object, expected: str) -> None:
    assert expected in mathml(tree)  # type: ignore[arg-type]


def test_the_record_explains_itself_in_steps_of_its_own() -> None:
    x1, x2 = (ge.tensor(value, requires_grad=True, name=name) for value, name in ((1.0, "x1"), (2.0, "x2")))
    z = x1 * x2 + x2**2
    z.backward(retain_graph=True)
    content = payload(ge.record_graph(z, names={}))
    names = [beat["name"] for beat in content["beats"]]
    assert (
        names.index("nudge") < names.index("seed") < names.index("path-1") < names.index("check") < names.index("step")
    )
    assert names[-1] == "close" and "paths-sum" in names
    said = {beat["name"]: beat["subtitle"] for beat in content["beats"]}
    assert "x2 + 0.001 moves" in said["nudge"] and "its gradient is 5" in said["nudge"]
    assert "the gradient of x2" in said["paths-sum"]
    plain = payload(ge.record_graph(z, names={}, explain=False))
    assert not {"nudge", "check", "step"} & {beat["name"] for beat in plain["beats"]}


def test_a_rule_that_does_not_give_the_share_is_not_shown_as_one() -> None:
    x = ge.tensor([2.0, 3.0], requires_grad=True)
    z = (x * x).sum()
    z.backward(retain_graph=True)
    record = ge.record_graph(z)
    assert record.explain is not None
    edge = record.edges[0].id
    doubted = replace(record, explain=replace(record.explain, holds={edge: False}))
    operands = [operand for item in payload(doubted)["items"] for operand in item.get("operands", ())]
    assert [operand["holds"] for operand in operands].count(False) == 1


def test_a_page_of_too_many_ops_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grad_engine.page.write.MOST_OPS", 11)
    assert page_html(chain(11))
    with pytest.raises(ArgumentError, match=r"at most 11 ops, got 12: print the record with .* or export a smaller"):
        page_html(chain(12))


@pytest.mark.parametrize("words", ["", "x1 = x · y", "ȳ = ḡ · x̄", "x" * 50 + "…"])
def test_bars_over_letters_take_no_room(words: str) -> None:
    assert signs_in((Words(words),)) == 1 + sum(not combining(sign) for sign in words)


def test_ops_of_one_depth_all_get_a_beat_however_many() -> None:
    x = ge.tensor(1.5, requires_grad=True)
    ways = (ge.sin, ge.exp, ge.tanh, ge.cos)
    record = record_graph(ge.stack([ways[k % 4](x * k) for k in range(90)]).sum())
    told = [item for beat in beats(record) if isinstance(beat, Build) for item in beat.items if item.startswith("n")]
    assert sorted(told) == sorted(node.id for node in record.nodes)
    assert all(len(beat.items) <= 6 for beat in beats(record) if isinstance(beat, Build))
