"""The page: drawn in headless Chromium, against Keras's pixels; and the folder that it is in."""

import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
from ai_edge_litert.interpreter import Interpreter

from export import inference, lite_metadata, web
from tests.export import web_browser
from tfgan_zoo import pictures, sampling
from tfgan_zoo.models import registry

ROOT = pathlib.Path(__file__).parent.parent.parent
PRESET = "biggan-digits"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def litert(tmp_path_factory):
    """LiteRT.js, fetched once."""
    folder = tmp_path_factory.mktemp("npm")
    try:
        web.fetch_litert(folder)
    except ValueError as error:
        pytest.skip(str(error))
    return folder


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    """What looks like LiteRT.js to the export."""
    folder = tmp_path_factory.mktemp("node_modules")
    for name, files in web.PACKAGES.items():
        for file in (*files, "package.json"):
            path = folder / "@litertjs" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"version": web.LITERT}))
    return folder


@pytest.fixture(scope="module")
def generator():
    return inference.load_generator(PRESET)


@pytest.fixture(scope="module")
def folder(generator, litert, tmp_path_factory):
    """The page of the digits BigGAN."""
    if not (web_browser.CHROMIUM and web_browser.sync_playwright):
        pytest.skip("needs Chromium and the package playwright")
    path = tmp_path_factory.mktemp("web") / "page"
    web.write(generator, path, litert)
    return path


@pytest.fixture(scope="module")
def seen(folder):
    with web_browser.look(folder, viewport=PHONE) as found:
        found.pixels("samples")
        found.page.context.set_offline(True)
        yield found


def keras_pixels(generator, seeds, labels, **options):
    rows = [web.latents(seed, (32,), **options) for seed in seeds]
    inputs = {"latents": np.concatenate(rows), "labels": np.int32(labels)}
    return sampling.generate(generator, inputs, batch_size=4)


def assert_close(found, expected):
    """Canvases are RGBA; a grey level is for rounding."""
    assert (found[..., 3] == 255).all()
    for channel in range(3):
        difference = np.int32(found[..., channel]) - expected[..., channel % expected.shape[-1]]
        assert np.abs(difference).max() <= 1
    assert np.ptp(expected) > 100


def test_hash_by_hand():
    # MurmurHash3 of nothing, with the seeds 0 and 1, is its finaliser alone.
    np.testing.assert_array_equal(web._hashed(np.uint64([0, 1, 2**32 + 1])), [0, *[0x514E28B7] * 2])


def test_latents_are_normal():
    rows = np.concatenate([web.latents(seed, (5, 8)) for seed in range(500)])
    assert rows.shape == (500, 5, 8) and rows.dtype == np.float32
    assert scipy.stats.kstest(rows.ravel(), "norm").pvalue > 0.01
    correlation = np.corrcoef(rows.reshape(500, 40).T) - np.eye(40)
    assert np.abs(correlation).max() < 0.2
    np.testing.assert_array_equal(web.latents(7, (5, 8)), rows[7:8])
    assert np.unique(rows).size > 19_900


def test_latents_are_truncated():
    rows = np.concatenate([web.latents(seed, (32,), truncation=0.5) for seed in range(300)])
    assert scipy.stats.kstest(rows.ravel(), scipy.stats.truncnorm(-0.5, 0.5).cdf).pvalue > 0.01
    far = np.concatenate([web.latents(seed, (32,)) for seed in range(300)])
    assert (np.argsort(far, axis=None) == np.argsort(rows, axis=None)).mean() > 0.99


def test_latents_are_uniform():
    rows = np.concatenate([web.latents(seed, (32,), "uniform") for seed in range(300)])
    assert scipy.stats.kstest(rows.ravel(), scipy.stats.uniform(-1, 2).cdf).pvalue > 0.01


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_do_not_exist(seed):
    with pytest.raises(ValueError, match=r"`seed` must be in \[0, 2\^32\). Received: seed="):
        web.latents(seed, (32,))


def test_file_between_classes(tiny, make_inputs):
    content = web.convert(tiny, prior="uniform")
    draw = Interpreter(model_content=content).get_signature_runner()
    latents, labels = make_inputs(tiny, 2)["latents"], np.int32([3, 8])
    way = sampling.interpolate(tiny, *ends(latents, labels), steps=5)[0]
    for step, expected in enumerate(way):
        position = np.float32([step / 4])
        mixed = (1 - position) * latents[:1] + position * latents[1:]
        image = draw(latents=mixed, labels_a=labels[:1], labels_b=labels[1:], position=position)[
            "image"
        ]
        assert np.abs(pictures.to_uint8(image)[0].astype(int) - expected).max() <= 1
    about = lite_metadata.read(content)
    assert about["inputs"]["latents"]["prior"] == "uniform"
    assert set(about["inputs"]) == {"latents", "labels_a", "labels_b", "position"}


def ends(latents, labels):
    return [
        {"latents": latents[row : row + 1], "labels": labels[row : row + 1]} for row in range(2)
    ]


def test_file_without_classes():
    generator = registry.build_generator("dcgan-digits", width=4)
    content = web.convert(generator, "int8")
    inputs = sampling.inputs(generator, 1, seed=0)
    image = Interpreter(model_content=content).get_signature_runner()(**inputs)["image"]
    np.testing.assert_allclose(image, generator(inputs), atol=0.1)
    assert set(lite_metadata.read(content)["inputs"]) == {"latents"}


def test_nothing_half_written(tiny, stub, tmp_path):
    with pytest.raises(ValueError, match="float32, float16, int8. Received: kind='int4'"):
        web.write(tiny, tmp_path / "page", stub, kind="int4")
    assert list(tmp_path.iterdir()) == []


def test_folders_that_exist(tiny, stub, tmp_path):
    (tmp_path / "page").mkdir()
    with pytest.raises(ValueError, match="`output` must be a folder that does not exist yet"):
        web.write(tiny, tmp_path / "page", stub)


def test_other_packages_are_refused(tiny, stub, tmp_path):
    with pytest.raises(ValueError, match="@litertjs/core 2.5.3.*version none. `npm install"):
        web.write(tiny, tmp_path / "page", tmp_path)
    path = stub / "@litertjs" / "wasm-utils" / "package.json"
    text = path.read_text()
    path.write_text(json.dumps({"version": "2.5.4"}))
    with pytest.raises(ValueError, match="@litertjs/wasm-utils 2.5.3.*version 2.5.4"):
        web.write(tiny, tmp_path / "page", stub)
    path.write_text(text)
    assert not (tmp_path / "page").exists()


def test_without_npm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="npm could not fetch.*--litert=node_modules") as refused:
        web.run(PRESET, str(tmp_path / "page"))
    assert "\n" not in str(refused.value)
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(SystemExit, match="npm error code ENOTFOUND"):
        web.run(PRESET, str(tmp_path / "page"))
    assert not (tmp_path / "page").exists()


def test_command_line_errors(stub, tmp_path):
    with pytest.raises(SystemExit, match="`generator` must be a .keras file that exists"):
        web.run(str(tmp_path / "missing.keras"), str(tmp_path / "page"), litert=str(stub))
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="--output must be a folder that can be written"):
        web.run(PRESET, str(tmp_path / "file" / "page"), litert=str(stub))


def test_command_line(stub, tmp_path):
    """Options of the command are read: it ends with the error of one."""
    command = [sys.executable, "-m", "export.web", f"--generator={PRESET}"]
    options = [f"--output={tmp_path}", f"--litert={stub}", "--kind=int8", "--latents=normal"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=120, cwd=ROOT, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("`output` must be a folder that does not exist")


def test_page_names_what_the_folder_has(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    text = "".join((folder / name).read_text() for name in web.FILES)
    pattern = r'"(?:\./)?([\w/.-]+\.(?:css|js|json|tflite)|litert/LICENSE)"'
    linked = {*re.findall(pattern, text)}
    assert linked <= names and len(linked) == 7
    assert "Apache License" in (folder / "litert" / "LICENSE").read_text()
    assert json.loads((folder / "generator.json").read_text())["name"] == PRESET
    *_, total = web.sizes(folder)
    assert 15_000 < float(total.split()[0].replace(",", "")) < 25_000


def test_latents_are_the_page_s(seen):
    for seed, prior, truncation in (
        (0, "normal", None),
        (2**32 - 1, "normal", 0.1),
        (123456789, "normal", 2.9),
        (5, "uniform", None),
    ):
        found = seen.page.evaluate(
            """async ([...inputs]) =>
                [...(await import(new URL("page.js", location).href)).latents(...inputs)]""",
            [seed, 2000, prior, truncation],
        )
        expected = web.latents(seed, (2000,), prior, truncation)[0]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_pictures_are_keras_s(seen, generator):
    first = seen.page.get_by_role("group", name="First")
    first.get_by_label("Seed", exact=True).fill("4294967295")
    first.get_by_label("Class").select_option("7")
    assert_close(seen.pixels("picture"), keras_pixels(generator, [2**32 - 1], [7])[0])
    assert "class 7, seed 4294967295" in seen.page.get_attribute("#picture", "aria-label")
    seen.page.get_by_label("Truncation").fill("0.4")
    assert seen.page.locator("#truncation-value").inner_text() == "0.40"
    expected = keras_pixels(generator, [2**32 - 1], [7], truncation=0.4)[0]
    assert_close(seen.pixels("picture"), expected)
    seen.page.get_by_label("Truncation").fill("3")


def test_ways_are_keras_s(seen, generator):
    seen.page.locator("#seed-a").fill("11")
    seen.page.locator("#class-a").select_option("3")
    seen.page.locator("#seed-b").fill("12")
    seen.page.locator("#class-b").select_option("8")
    rows = np.concatenate([web.latents(seed, (32,)) for seed in (11, 12)])
    way = sampling.interpolate(generator, *ends(rows, np.int32([3, 8])), steps=8)[0]
    found = seen.pixels("way")
    for step, expected in enumerate(way):
        assert_close(found[:, 33 * step : 33 * step + 32], expected)


def test_samples_are_keras_s(seen, generator):
    seen.page.get_by_label("First seed").fill("4294967290")
    found = seen.pixels("samples")
    expected = keras_pixels(generator, [2**32 - 6, 2**32 - 1, 0, 13], [0, 5, 6, 9])
    for index, image in zip((0, 5, 6, 19), expected):
        top, left = 33 * (index // 5), 33 * (index % 5)
        assert_close(found[top : top + 32, left : left + 32], image)
    seen.page.get_by_role("button", name="New samples").click()
    assert (seen.pixels("samples") != found).any()


def test_keyboard(seen):
    """Every control is reached with Tab, and arrows move the sliders."""
    seen.page.locator("#position").fill("0")
    before = seen.pixels("picture")
    seen.page.locator("#class-a").focus()
    order = []
    while "save-samples" not in order and len(order) < 30:
        order.append(seen.page.evaluate("document.activeElement.id"))
        seen.page.keyboard.press("Tab")
    assert order[:6] == ["class-a", "seed-a", "other-a", "class-b", "seed-b", "other-b"]
    assert order[6:9] == ["position", "truncation", "save-way"]
    seen.page.locator("#position").focus()
    for _ in range(30):
        seen.page.keyboard.press("ArrowRight")
    after = seen.pixels("picture")
    assert seen.page.locator("#position-value").inner_text() == "30 %"
    assert np.abs(np.int32(after) - before).max() > 20
    seen.page.keyboard.press("Home")
    np.testing.assert_array_equal(seen.pixels("picture"), before)


def test_labels_and_sizes(seen):
    """Whatever takes input has a name and is large enough for a finger."""
    unnamed = seen.page.evaluate(
        """[...document.querySelectorAll("input, select, button")].filter(
            one => !(one.labels?.length || one.textContent.trim())).length"""
    )
    assert unnamed == 0
    for one in seen.page.locator("input, select, button").all():
        assert one.bounding_box()["height"] >= 40
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    style = "getComputedStyle(document.getElementById('picture')).imageRendering"
    assert seen.page.evaluate(style) == "pixelated"


def test_bad_seeds(seen):
    before = seen.pixels("picture")
    seen.page.locator("#seed-a").fill("-1")
    assert "whole numbers from 0 to 4294967295" in seen.page.locator("#status").inner_text()
    np.testing.assert_array_equal(seen.pixels("picture"), before)
    seen.page.locator("#seed-a").fill("11")
    assert seen.page.locator("#status").inner_text() == ""


def test_download(seen, tmp_path):
    with seen.page.expect_download() as download:
        seen.page.locator("#save-picture").click()
    assert download.value.suggested_filename == f"{PRESET}-picture.png"
    download.value.save_as(tmp_path / "picture.png")
    found = pictures.Image.open(tmp_path / "picture.png").convert("RGBA")
    np.testing.assert_array_equal(np.asarray(found), seen.pixels("picture"))


def test_colour_schemes(seen):
    colours = []
    for scheme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=scheme)
        colours.append(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] != colours[1]


def test_nothing_else_is_asked(seen):
    """Last: what all tests above did took no request but the page's own, and made no error."""
    own = [url for url in seen.requests if url.startswith((seen.origin, "blob:", "data:"))]
    assert seen.requests == own and len(own) >= 9
    refused = seen.page.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener("securitypolicyviolation", one => resolve(one.blockedURI));
            fetch("http://127.0.0.2:9/").catch(() => 0);
        })"""
    )
    assert refused.startswith("http://127.0.0.2:9")
    assert [text for text in seen.errors if "127.0.0.2" not in text] == []


def test_what_is_missing_is_said(seen):
    """After the last: it makes an error."""
    seen.page.context.set_offline(False)
    seen.page.route("**/generator.json", lambda route: route.fulfill(status=404))
    seen.page.reload()
    seen.page.wait_for_selector(web_browser.READY)
    assert "could not draw: generator.json: 404" in seen.page.locator("#status").inner_text()
    assert not seen.page.locator("#controls").is_visible()
