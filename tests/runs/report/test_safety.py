"""The page shows what users' files say and runs none of it, and asks nothing of the network."""

import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import Element, read_page
from reports import classified, epochs, regressed, report

from thalweg.runs.evaluation import classification_evaluation
from thalweg.runs.report import html, words

EVIL = "</script><img src=x onerror=alert(1)>'\"&amp;${style}"


def hostile(folder: Path, *, regression: bool = False) -> Element:
    options = {"inputs": np.full((200, 2), EVIL, object), "feature_names": [EVIL, "<b>"]}
    if regression:
        evaluation = regressed(90, target_names=[EVIL], inputs=options["inputs"][:90], feature_names=[EVIL, "<b>"])
    else:
        evaluation = classified([EVIL, "b", "c"], **options)
    run = {
        "state": EVIL,
        "message": EVIL,
        "command": ["thalweg", EVIL],
        "versions": {EVIL: EVIL, "thalweg": EVIL},
        "machine": {EVIL: EVIL},
        "data": {
            "name": EVIL,
            "hash": EVIL,
            "classes": [EVIL],
            "target": EVIL,
            "test": EVIL,
            EVIL: EVIL,
            "test_rows": 9,
        },
        "summary": {"rows": [{"layer": EVIL, "shape": [EVIL], "parameters": 1, "multiplications": 1}], "inputs": EVIL},
        "started": EVIL,
        "settings": {EVIL: EVIL},
    }
    model = {"likelihood": {"name": EVIL}}
    measure = "rmse" if regression else "error"
    return report(folder, epochs(3, measure), run, evaluation, config=EVIL, model=model)


@pytest.mark.parametrize("regression", [False, True])
def test_text_from_files_stays_text(tmp_path: Path, regression: bool) -> None:
    page = hostile(tmp_path / "a<b>&'", regression=regression)
    assert not page.all("img")
    assert len([s for s in page.all("script") if "type" not in s.attributes]) == 2
    assert not [e for e in page.all() if any(name.startswith("on") for name in e.attributes)]
    assert EVIL in page.one("body").text
    assert EVIL in page.one("section", **{"aria-labelledby": "use"}).text.replace("'\"'\"'", "'")


def test_an_image_that_is_none_is_left_out(tmp_path: Path) -> None:
    evaluation = classified(["a", "b"], inputs=np.zeros((200, 4)), example_shape=(2, 2))
    evaluation["test"]["confident_mistakes"][0]["png"] = 'x" onerror="alert(1)'
    evaluation["test"]["confident_mistakes"][1]["png"] = "https://example.org/x.png"
    page = report(tmp_path / "run", epochs(2), {}, evaluation)
    assert len(page.all("img")) == len(evaluation["test"]["confident_mistakes"]) - 2


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    evaluation = classified(["a", "b"], inputs=np.zeros((200, 4)), example_shape=(2, 2))
    page = report(tmp_path / "run", epochs(3), {}, evaluation)
    for element in page.all():
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = element.attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (element.tag, value)
    style = page.one("style").text
    assert "url(" not in style
    assert "@import" not in style
    library = page.all("script")[-2].text
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|importScripts|sendBeacon|sourceMappingURL", library)


def test_scripts_are_admitted_by_their_hash(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    page = report(folder, epochs(3), {}, classified(["a", "b"]))
    policy = str(page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"])
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe-inline" not in policy.split("script-src")[1]
    raw = (folder / "report.html").read_text("utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", raw, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert [f"'sha256-{h}'" in policy for h in hashes] == [True, True]


def test_vendored_library_is_whole_and_licensed() -> None:
    folder = Path(html.__file__).parent / "vendor"
    library = (folder / "chart.umd.min.js").read_text("utf-8")
    assert library.startswith("/*!\n * Chart.js v4.6.1")
    assert "</script" not in library.lower()
    assert "MIT License" in (folder / "LICENSE.chart.js.md").read_text("utf-8")


def test_who_cannot_see_the_charts_reads_them(tmp_path: Path) -> None:
    page = report(tmp_path / "run", epochs(3), {}, classified(["a", "b"]))
    assert page.one("html").attributes["lang"] == "en"
    for canvas in page.all("canvas"):
        assert len(str(canvas.attributes["aria-label"])) > 20
    for table in page.all("table"):
        assert table.all("caption"), table.rows[0]
        assert all(th.attributes.get("scope") for th in table.all("th"))
    anchors = {e.attributes["id"] for e in page.all("h2")}
    assert {str(a.attributes["href"])[1:] for a in page.one("nav").all("a")} == anchors


@given(st.text(), st.text())
def test_any_text_survives_markup(text: str, attribute: str) -> None:
    parsed = read_page(html.el("p", text, title=attribute)).one("p")
    assert "".join(map(str, parsed.children)) == text
    assert parsed.attributes["title"] == attribute
    read_page(html.data({"a": text, attribute: [text]}))


@given(st.floats(0, 1))
def test_a_percentage_is_near_its_share_and_whole_only_when_exact(share: float) -> None:
    text = words.percent(share).replace(words.THIN, " ")
    value = float(text.removesuffix(" %"))
    assert value == pytest.approx(100 * share, abs=0.0500001)
    if 1e-7 < share < 1 - 1e-7:
        assert 0 < value < 100


@given(st.floats(-1e300, 1e300, allow_subnormal=False))
def test_numbers_keep_four_digits(value: float) -> None:
    assert float(words.number(value).replace(words.THIN, "")) == pytest.approx(value, rel=6e-4, abs=0)


def test_a_class_named_like_markup_is_found_in_the_matrix(tmp_path: Path) -> None:
    y = np.array([0, 1, 1])
    evaluation = {"test": classification_evaluation(y, np.eye(2)[[0, 1, 0]], [EVIL, "b"])}
    page = report(tmp_path / "run", epochs(2), {}, evaluation)
    grid = page.one("div", class_="matrix")
    assert grid.one("tbody").one("th").attributes["title"] == EVIL
