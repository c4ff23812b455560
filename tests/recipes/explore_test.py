"""The explorer: its pictures, its answers, and the page in a browser."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

import tfgan_zoo
from recipes import explore
from recipes import explore_views as views
from tfgan_zoo import sampling

ROOT = pathlib.Path(__file__).parents[2]
BROWSER = shutil.which("chromium")


def shown(name):
    generator = tfgan_zoo.from_preset(name)
    return views.Shown(name, generator, generator.preset.prior)


@pytest.fixture(name="biggan", scope="module")
def fixture_biggan():
    return shown("biggan-digits")


def test_samples_are_the_generator_s(biggan):
    picture = views.samples(biggan, "3", seed=5, count=2, truncation=views.UNLIMITED)
    z = sampling.latents(2, 32, seed=5)
    images = sampling.generate(biggan.generator, {"latents": z, "labels": np.array([3, 3])})
    large = images[1, :, :, 0].repeat(2, axis=0).repeat(2, axis=1)
    assert picture.shape == (2 * 36, views.MARGIN + 2 * 70, 3)
    np.testing.assert_array_equal(picture[4:-4, -68:-4, 0], large)


def test_all_classes_have_a_row_each(biggan):
    picture = views.samples(biggan, views.ALL, 0, 3, 1.0)
    assert picture.shape[0] == 2 * (10 * 34 + 2)


def test_ways_end_where_they_should(biggan):
    images = views.interpolation(biggan, ("1", "7"), (3, 4), 5, views.UNLIMITED)
    assert images.shape == (1, 5, 32, 32, 1)
    for place, label, seed in ((0, 1, 3), (-1, 7, 4)):
        inputs = {"latents": sampling.latents(1, 32, seed), "labels": np.array([label])}
        expected = sampling.generate(biggan.generator, inputs)[0]
        assert np.abs(images[0, place].astype(int) - expected).max() <= 1


def test_chunks_move_one_part_each(biggan):
    every = views.chunks(biggan, "0", (0, 1), 0, views.UNLIMITED)
    second = views.chunks(biggan, "0", (0, 1), 2, views.UNLIMITED)
    assert biggan.parts == 4
    row = 2 * 34  # pixels, with what lies between
    near = np.abs(every[row : 2 * row].astype(int) - second[:row])
    assert near[:, views.MARGIN :].max() <= 1


def test_canvases_end_with_the_image():
    gran = shown("gran-digits")
    images = views.canvases(gran, views.ALL, 0, views.UNLIMITED)
    assert images.shape == (6, 3, 28, 28, 1)
    expected = sampling.generate(gran.generator, sampling.inputs(gran.generator, 6, 0))
    assert np.abs(images[:, -1].astype(int) - expected).max() <= 1


def test_uniform_latents_are_not_truncated():
    dcgan = shown("dcgan-digits")
    assert dcgan.class_names == () and dcgan.prior == "uniform"
    assert np.abs(views.latents(dcgan, 0, 8, 0.1)).max() > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "Seed must be a whole number"),
        ({"seed": 1.5}, "Seed must be a whole number"),
        ({"seed": 2**40}, "Seed must be a whole number"),
        ({"seed": None}, "Seed must be a whole number"),
        ({"truncation": 0}, "Truncation must be above 0"),
        ({"count": 100}, "Number must be a whole number"),
        ({"label": "ten"}, "has the classes 0, 1"),
    ],
)
def test_bad_values_are_refused(biggan, change, message):
    good = {"label": "1", "seed": 0, "count": 1, "truncation": 1.0}
    with pytest.raises(ValueError, match=message):
        views.samples(biggan, **good | change)


def test_ports_in_use_and_missing_packages_are_named(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(explore, "gr", object())
        with pytest.raises(ValueError, match="--port must be free"):
            explore.require_app("127.0.0.1", port)
    monkeypatch.setattr(explore, "gr", None)
    with pytest.raises(ValueError, match=r"tfgan_zoo\[app\]"):
        explore.require_app("127.0.0.1", port)


@contextlib.contextmanager
def served():
    """The address of the program, which runs in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "recipes.explore", f"--port={port}", "--generator=gran-digits"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(240):
                with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
                    break
                assert process.poll() is None
                time.sleep(0.5)
            yield address
        finally:
            process.terminate()


def test_the_page_in_a_browser():
    pytest.importorskip("gradio")
    client = pytest.importorskip("gradio_client")
    drive = pytest.importorskip("playwright.sync_api")
    with served() as address:
        asked = client.Client(address, verbose=False)
        png, _ = asked.predict("gran-digits", views.ALL, 0, 2, 1.0, api_name="/samples")
        assert pathlib.Path(png).stat().st_size > 100
        with pytest.raises(Exception, match="Seed must be a whole number"):
            asked.predict("gran-digits", views.ALL, -1, 2, 1.0, api_name="/samples")
        if BROWSER is None:
            pytest.skip("Chromium is not installed")
        with drive.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
            look(browser.new_page(viewport={"width": 1100, "height": 900}), address)
            browser.close()


def look(page, address):
    """Chooses another generator and another seed, and sees other pictures."""
    foreign, errors = [], []
    local = (address, "data:", "blob:")
    page.on("request", lambda r: r.url.startswith(local) or foreign.append(r.url))
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(address)
    picture = page.locator("img[src*='.png']").first
    picture.wait_for(timeout=60_000)
    assert not page.get_by_label("Class", exact=True).first.is_visible()
    seen = {picture.get_attribute("src")}
    page.get_by_label("Generator", exact=True).first.click()
    page.get_by_role("option", name="biggan-digits", exact=True).click()
    changed(page, picture, seen)
    assert "BigGAN" in page.inner_text("body")
    assert page.get_by_label("Class", exact=True).first.is_visible()
    seed = page.get_by_label("Seed", exact=True).first
    seed.fill("7")
    seed.press("Enter")
    changed(page, picture, seen)
    photograph(page, "Samples")
    for tab in ("Interpolation", "Chunks", "Side by side"):
        draw(page, tab)
    page.get_by_label("Generator", exact=True).first.click()
    page.get_by_role("option", name="gran-digits", exact=True).click()
    page.get_by_text("GRAN, trained on").wait_for()
    draw(page, "Canvases")
    assert not foreign and not errors


# What a tab has when it has drawn: pictures, and kinds of files to keep.
TABS = {
    "Interpolation": (2, ("PNG", "GIF")),
    "Chunks": (1, ("PNG",)),
    "Side by side": (2, ()),
    "Canvases": (2, ("PNG", "GIF")),
}


def draw(page, tab):
    """Draws in a tab, looks at the pictures, and keeps the files."""
    count, kinds = TABS[tab]
    page.get_by_role("tab", name=tab, exact=True).click()
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.get_by_role("button", name="Draw", exact=True).click()
    shown = panel.locator("img[src*='/file=']")
    for number in range(count):
        shown.nth(number).wait_for(timeout=60_000)
        assert shown.nth(number).evaluate("x => x.decode().then(() => x.naturalWidth)") > 60
    for kind in kinds:
        with page.expect_download() as kept:
            panel.get_by_role("button", name=f"Download {kind}", exact=True).click()
        start = pathlib.Path(kept.value.path()).read_bytes()[:4]
        assert start == {"PNG": b"\x89PNG", "GIF": b"GIF8"}[kind]
    photograph(page, tab)


def photograph(page, tab):
    """For people: EXPLORE_SCREENSHOTS names a folder."""
    if folder := os.environ.get("EXPLORE_SCREENSHOTS"):
        page.screenshot(path=pathlib.Path(folder) / f"{tab.lower().replace(' ', '-')}.png")


def changed(page, picture, seen):
    """Waits for a picture that was not seen before."""
    for _ in range(240):
        source = picture.get_attribute("src")
        if source not in seen:
            return seen.add(source)
        page.wait_for_timeout(250)
    raise AssertionError("the picture stays")
