"""The page in a real browser: steps, keys, details, search, folding, themes, frames, and nothing in the console."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.formula import number
from grad_engine.page import save_page
from grad_engine.record.index import index_of
from tests.page.browser import Browser, programs

pytest.importorskip("graphlay")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(programs() is None, reason="needs Chromium and chromedriver"),
]

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as found:
        yield found


@pytest.fixture(autouse=True)
def _quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing a test does leaves a message in the console."""
    yield
    if "browser" in request.fixturenames:
        found = request.getfixturevalue("browser")
        found.resize(1280, 800)
        assert found.console() == []


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    records = {
        "large": ge.load_graph(GOLDEN / "large.json"),
        "blog": ge.load_graph(GOLDEN / "blog.json"),
        "deep": deep(),
    }
    return {name: save_page(record, folder / f"{name}.html") for name, record in records.items()}


def deep(blocks: int = 20) -> ge.GraphRecord:
    """Blocks of a module inside one another: more than 60 ops, so that the page opens folded."""
    x = ge.tensor(np.linspace(-1, 1, 6).reshape(2, 3), requires_grad=True, name="x")
    h = x
    for block in range(blocks):
        with ge.scope(f"h.{block}"):
            with ge.scope("inner"):
                w = ge.tensor(np.full((3, 3), 0.3 + 0.01 * block), requires_grad=True, name=f"h.{block}.inner.w")
                flat = (h @ w).reshape(6)
                a = ge.tanh(flat.reshape(2, 3))
            h = h + a
    z = h.sum()
    z.backward(retain_graph=True)
    return ge.record_graph(z, names={}, title="deep")


def step_shown(browser: Browser) -> str:
    return browser.text("#count")


def item(browser: Browser, name: str) -> str:
    """A selector of the drawn item with this name in its label."""
    return _selector(browser, "item", name)


def group(browser: Browser, path: str) -> str:
    """A selector of the drawn group with this path."""
    return _selector(browser, "group", f"module {path}:")


def _selector(browser: Browser, kind: str, label: str) -> str:
    found = browser.js(
        "return [...document.querySelectorAll(`.thing[data-${arguments[0]}]`)]"
        ".find(each => each.getAttribute('aria-label').startsWith(arguments[1]))?.dataset[arguments[0]]",
        kind,
        label,
    )
    return f'.thing[data-{kind}="{found}"]'


def test_opens_finished_and_steps_with_buttons_and_keys(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["large"])
    last = step_shown(browser).split(" / ")[1]
    assert step_shown(browser) == f"{last} / {last}"
    browser.press("home")
    assert step_shown(browser) == f"1 / {last}"
    browser.press("right", "right")
    assert step_shown(browser) == f"3 / {last}" and browser.js("return location.hash") == "#beat=3"
    browser.click("#back")
    assert step_shown(browser) == f"2 / {last}"
    browser.press("end")
    assert step_shown(browser) == f"{last} / {last}"
    browser.press("right")
    assert step_shown(browser) == f"1 / {last}", "after the end it starts over"


def test_a_link_to_a_step_or_an_op_goes_there(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["large"], "#beat=12")
    assert step_shown(browser).startswith("12 / ")
    browser.open(pages["large"], "#item=x3")
    assert browser.text("#pane h2") == "x3"
    browser.open(pages["deep"], "#op=h.8.inner")
    assert browser.text("#pane h2") == "h.8.inner"


def test_what_has_not_happened_yet_is_not_shown(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["large"], "#beat=1")
    waiting = "return document.querySelectorAll('.thing.waiting').length"
    unborn = "return document.querySelectorAll('.thing.unborn').length"
    assert browser.js(waiting) == 11 and browser.js(unborn) > 0
    browser.press("end")
    assert browser.js(waiting) == 0 and browser.js(unborn) == 0
    assert browser.js("return document.querySelectorAll('.gradient-line:not(.unborn)').length") == 11


def test_details_have_the_numbers_of_the_record(browser: Browser, pages: dict[str, Path]) -> None:
    index = index_of(ge.load_graph(GOLDEN / "blog.json"))
    browser.open(pages["blog"])
    for part in [*index.nodes, *index.accumulators]:
        browser.click(f'.thing[data-item="{part}"]')
        text = browser.text("#pane")
        gradient = index.gradient_tensor(part)
        assert gradient is not None and gradient.data is not None and gradient.data.values is not None
        for value in gradient.data.values:
            assert number(value) in text
        for edge in index.incoming.get(part, ()):
            share = index.tensors[index.shares[edge.id]]
            assert share.data is not None and share.data.values is not None
            assert f"{number(share.data.values[0])}" in text and index.nodes[edge.sender].op in text


def test_a_line_tells_value_and_share(browser: Browser, pages: dict[str, Path]) -> None:
    index = index_of(ge.load_graph(GOLDEN / "blog.json"))
    browser.open(pages["blog"])
    lines = browser.js(
        "return [...document.querySelectorAll('.touch')].map(each => {"
        " each.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: 300, clientY: 300}));"
        " return [each.links[0].id, document.getElementById('tip').textContent]; })"
    )
    assert {edge for edge, _ in lines} == set(index.edges)
    for edge, text in lines:
        value, share = (index.tensors[each] for each in (index.operands[edge].tensor, index.shares[edge]))
        assert value.data and share.data and value.data.values and share.data.values
        assert number(value.data.values[0]) in text and number(share.data.values[0]) in text


def test_the_keyboard_walks_along_lines_and_opens(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["blog"])
    browser.js("document.querySelector('.thing[tabindex=\"0\"]').focus()")
    first = browser.js("return document.activeElement.getAttribute('aria-label')")
    browser.press("right")
    second = browser.js("return document.activeElement.getAttribute('aria-label')")
    assert second and second != first and second.startswith("#")
    assert browser.text("#pane h2").startswith(second.split(" ")[0])
    browser.press("left")
    assert browser.js("return document.activeElement.classList.contains('thing')")
    browser.press("/")
    assert browser.js("return document.activeElement.id") == "find"


def test_numbers_are_written_as_in_python(browser: Browser, pages: dict[str, Path]) -> None:
    values = [
        0.0,
        1.0,
        -1.0,
        64.22,
        4.901,
        1e-5,
        1.23456e-5,
        123456.0,
        9999.0,
        9999.5,
        10000.0,
        0.0001,
        0.00012345,
        1e30,
    ]
    values += [float(x) for x in np.random.default_rng(0).standard_normal(40) * 10.0 ** np.arange(-20, 20)]
    browser.open(pages["blog"])
    source = (Path(ge.__file__).parent / "page" / "client" / "numbers.js").read_text("utf-8")
    code = re.sub(r"^export ", "", source, flags=re.MULTILINE)
    shown = browser.js(f"{code}\nreturn arguments[0].map((each) => number(each))", values)
    assert shown == [number(value) for value in values]


def test_modules_fold_and_unfold_and_a_folded_one_is_passed_in_one_step(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["deep"])
    closed = "return document.querySelectorAll('.thing.closed').length"
    assert browser.js(closed) == 1, "twenty equal blocks are one"
    browser.click(group(browser, "h.0"))
    at_first = browser.js(closed)
    assert at_first >= 18
    browser.press("home")
    seen = set()
    for _ in range(80):
        browser.press("right")
        seen.add(browser.text("#caption b"))
        if step_shown(browser).split(" / ")[0] == step_shown(browser).split(" / ")[1]:
            break
    assert "h.3" in seen, "a folded module is told as one"
    browser.click(group(browser, "h.3"))
    opened = "return document.querySelector(arguments[0]).getAttribute('aria-expanded')"
    assert browser.js(opened, group(browser, "h.3")) == "true"
    assert browser.js(closed) == at_first, "h.3 is open, and what is inside it is closed"
    browser.click("#open-all")
    assert browser.js(closed) == 0
    browser.click("#close-all")
    assert browser.js("return document.querySelectorAll('.thing.open').length") == 0


def test_a_passed_module_can_be_stepped_into(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["deep"], "#beat=1")
    for _ in range(10):
        browser.press("right")
        if browser.text("#caption .link") == "step into it":
            break
    before = browser.js(opened := "return document.querySelectorAll('.thing.open').length")
    browser.click("#caption .link")
    assert browser.js(opened) == before + 1


def test_search_marks_what_fits_and_opens_what_hides_it(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["deep"])
    browser.js(
        "const field = document.getElementById('find'); field.focus(); field.value = 'h.7.inner.w';"
        " field.dispatchEvent(new Event('input'))"
    )
    assert browser.text("#hits") == "1"
    assert browser.text("#pane h2") == "1 found for “h.7.inner.w”"
    assert browser.text("#pane .hits .link") == "h.7.inner.w"
    bright = "return document.querySelectorAll('.thing:not(.dimmed):not(.open)').length"
    assert browser.js(bright) == 1
    browser.press("enter")
    assert browser.text("#pane h2") == "h.7.inner.w"
    assert browser.js("return document.querySelector('.thing.chosen').getAttribute('aria-label')").startswith(
        "leaf h.7"
    )


def test_reshapes_can_be_left_out(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["deep"])
    browser.click("#open-all")
    many = "return document.querySelectorAll('.thing.op').length"
    before = browser.js(many)
    browser.press("r")
    assert browser.js(many) == before - 40
    assert browser.js("return document.querySelectorAll('.gradient-line.unborn').length") == 0
    browser.press("r")
    assert browser.js(many) == before


def test_leaves_sort_and_findings_lead_to_their_items(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["large"])
    assert "#4 ln" in browser.text("#pane"), "a NaN opens the findings"
    browser.click("#pane .link")
    assert browser.text("#pane h2") == "#4 LnBackward"
    browser.click("#tab-leaves")
    names = "return [...document.querySelectorAll('#pane tbody tr td:first-child')].map(each => each.textContent)"
    assert browser.js(names) == ["x3", "x2", "x7", "x1"]
    browser.click("#pane th button")
    assert browser.js(names) == ["x1", "x2", "x3", "x7"]


def test_theme_colour_and_phone(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["large"])
    ground = "return getComputedStyle(document.body).backgroundColor"
    first = browser.js(ground)
    browser.press("t")
    assert browser.js(ground) != first
    browser.press("g")
    assert browser.text("#scale").endswith("‖grad‖")
    assert browser.js("return document.querySelector('.thing.op .shape').style.fill").startswith("rgb")
    browser.resize(390, 844)
    browser.open(pages["large"])
    assert browser.js("return document.documentElement.scrollWidth") <= 390
    browser.click(item(browser, "leaf x3"))
    browser.wait("return getComputedStyle(document.getElementById('side')).visibility === 'visible'")
    browser.click("#close")
    assert not browser.js("return document.getElementById('side').classList.contains('open')")


HOSTILE = (
    "</script><script>window.hacked=1</script>",
    '"><img src=x onerror=window.hacked=1>',
    "\u202eevil",
    "x" * 10_000,
)
OVERLAPS = """
const boxes = [...document.querySelectorAll('.thing:not(.group), .thing.closed')].map(each => {
  const box = each.querySelector('.shape').getBoundingClientRect();
  return [box.left, box.top, box.right, box.bottom, each.getAttribute('aria-label')];
});
const found = [];
for (let i = 0; i < boxes.length; i++) for (let j = 0; j < i; j++) {
  const [a, b] = [boxes[i], boxes[j]];
  if (a[0] < b[2] - 1 && b[0] < a[2] - 1 && a[1] < b[3] - 1 && b[1] < a[3] - 1) found.push([a[4], b[4]]);
}
return found;
"""


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (390, 844)], ids=["laptop", "screen", "phone"])
@pytest.mark.parametrize("name", ["large", "blog", "deep"])
def test_nothing_lies_on_anything_else(
    browser: Browser, pages: dict[str, Path], name: str, size: tuple[int, int]
) -> None:
    browser.resize(*size)
    browser.open(pages[name])
    assert browser.js(OVERLAPS) == []
    if name == "deep":
        browser.click("#open-all")
        assert browser.js(OVERLAPS) == []


def test_works_in_a_frame_that_may_only_run_scripts(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    page = pages["large"].read_text("utf-8")
    frame = f'<iframe sandbox="allow-scripts" style="width:1000px;height:640px" srcdoc="{escape(page)}"></iframe>'
    outer = tmp_path / "frame.html"
    outer.write_text(
        f"<!doctype html><meta charset=utf-8>{frame}<script>document.documentElement.dataset.ready='1'</script>"
    )
    browser.open(outer)
    browser.call("POST", "/frame", {"id": 0})
    try:
        browser.wait("return document.documentElement.dataset.ready === '1'")
        browser.click("#first")
        assert step_shown(browser).startswith("1 / ")
    finally:
        browser.call("POST", "/frame", {"id": None})


def test_prints_the_finished_picture(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["blog"])
    assert browser.printed().startswith(b"%PDF-")


@pytest.mark.parametrize(
    "name",
    ["</script><script>window.hacked=1</script>", '"><img src=x onerror=window.hacked=1>', "\u202eevil", "x" * 10_000],
)
def test_a_hostile_name_stays_text(browser: Browser, tmp_path: Path, name: str) -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name=name)
    with ge.scope(name[:200].replace(".", "")):
        z = (x * x).sum()
    z.backward(retain_graph=True)
    browser.open(save_page(ge.record_graph(z, title=name, names={}), tmp_path / "page.html"))
    browser.click(".thing.leaf")
    assert browser.text("#pane h2") == name or len(name) > 1000
    assert browser.js("return window.hacked ?? null") is None
    assert browser.js("return document.images.length + document.scripts.length") == 2


def test_everything_has_a_name_for_a_screen_reader(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["deep"])
    nameless: Any = browser.js(
        "return [...document.querySelectorAll('button, input, [role], summary')].filter(each => !each.hidden &&"
        " !(each.getAttribute('aria-label') || each.textContent.trim() || each.getAttribute('aria-labelledby')"
        " || each.getAttribute('placeholder'))).map(each => each.outerHTML.slice(0, 80))"
    )
    assert [each for each in nameless if 'role="status"' not in each] == []
