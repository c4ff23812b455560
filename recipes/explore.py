r"""Opens trained generators in a browser: classes, seeds, truncation, ways, chunks, canvases.

    python -m recipes.explore
    python -m recipes.explore --generator=runs/mine/generator.keras --other=biggan-digits

It answers on this machine only and needs no internet. Needs pip install 'tfgan_zoo[app]'.
"""

import os
import pathlib
import socket
import sys
import tempfile
import threading
import uuid

from absl import app, flags

from export.inference import load_generator
from recipes import explore_views as views
from tfgan_zoo import pictures, presets

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # gradio reads it when it is imported

try:  # an optional dependency
    import gradio as gr
except ImportError:
    gr = None

HOST = "127.0.0.1"


class Shelf:
    """The generators to choose from, each read when it is first asked for."""

    def __init__(self, names: list[str], folder: str, prior: str = "normal"):
        self.names = list(dict.fromkeys(names))
        self.folder = pathlib.Path(folder)
        self.prior = prior
        self.lock = threading.Lock()  # one picture at a time: Keras compiles on the first call
        self._read = {}

    def get(self, name: str) -> views.Shown:
        """Raises ValueError for what cannot be read."""
        if name not in self._read:
            generator = load_generator(name)
            about = getattr(generator, "preset", None)
            prior = about.prior if about else self.prior
            self._read[name] = views.Shown(name, generator, prior)
        return self._read[name]

    def png(self, picture) -> str:
        """Path of a new file."""
        path = self.folder / f"{uuid.uuid4().hex}.png"
        pictures.write_png(path, picture)
        return str(path)

    def gif(self, images) -> str:
        """Path of a new film, there and back."""
        path = self.folder / f"{uuid.uuid4().hex}.gif"
        frames = views.film(images)
        pictures.write_gif(path, [*frames, *frames[-2:0:-1]], 0.12)
        return str(path)

    def answer(self, draw):
        """`draw`, one at a time; what it refuses is shown on the page."""

        def guarded(*values):
            try:
                with self.lock:
                    return draw(*values)
            except ValueError as error:
                raise gr.Error(str(error), print_exception=False) from error

        return guarded


def page(shelf: Shelf, other: str):
    """The page, a gradio app."""
    first = shelf.names[0]
    shown = shelf.get(first)
    with gr.Blocks(title="tfgan_zoo explorer", analytics_enabled=False) as blocks:
        gr.Markdown("# tfgan_zoo explorer")
        with gr.Row():
            name = gr.Dropdown(shelf.names, value=first, label="Generator")
            label = _classes(shown)
            seed = gr.Number(0, label="Seed")
            limit = _limit(shown)
        line = gr.Markdown(views.about(shown))
        common = (name, label, seed, limit)
        with gr.Tab("Samples"):
            draw = _samples(shelf, common)
        with gr.Tab("Interpolation"):
            last = _interpolation(shelf, common)
        with gr.Tab("Chunks"):
            _chunks(shelf, common)
        with gr.Tab("Canvases"):
            _canvases(shelf, common)
        with gr.Tab("Side by side"):
            _pair(shelf, common, other)

        def choose(chosen):
            shown = shelf.get(chosen)
            return views.about(shown), _classes(shown), _classes(shown, "To class"), _limit(shown)

        outputs = [line, label, last, limit]
        changed = name.input(shelf.answer(choose), name, outputs, api_name="choose")
        changed.success(draw["fn"], draw["inputs"], draw["outputs"], api_name=False)
        blocks.load(draw["fn"], draw["inputs"], draw["outputs"], api_name=False)
    return blocks


def _classes(shown, title="Class"):
    return gr.Dropdown(
        [views.ALL, *shown.class_names],
        value=views.ALL,
        label=title,
        visible=bool(shown.class_names),
    )


def _limit(shown):
    return gr.Slider(
        0,
        views.UNLIMITED,
        value=views.UNLIMITED,
        step=0.05,
        label=f"Truncation, {views.UNLIMITED:g} is none",
        visible=shown.prior == "normal",
    )


def _samples(shelf, common):
    name, label, seed, limit = common
    count = gr.Slider(1, 20, value=10, step=1, label="Number (of each class)")
    picture, file = _picture("Samples"), gr.DownloadButton("Download PNG")

    def draw(name, label, seed, count, limit):
        path = shelf.png(views.samples(shelf.get(name), label, seed, count, limit))
        return path, path

    how = {
        "fn": shelf.answer(draw),
        "inputs": [name, label, seed, count, limit],
        "outputs": [picture, file],
    }
    triggers = [label.input, seed.submit, seed.blur, count.release, limit.release]
    gr.on(triggers, **how, api_name="samples", trigger_mode="always_last")
    return how


def _interpolation(shelf, common):
    name, label, seed, limit = common
    with gr.Row():
        last_label = _classes(shelf.get(shelf.names[0]), "To class")
        last_seed = gr.Number(1, label="To seed")
        steps = gr.Slider(2, 32, value=10, step=1, label="Steps")
    button = gr.Button("Draw", variant="primary")
    outputs = _film_outputs("Ways")

    def draw(name, label, seed, limit, last_label, last_seed, steps):
        images = views.interpolation(
            shelf.get(name), (label, last_label), (seed, last_seed), steps, limit
        )
        return _film_files(shelf, images)

    inputs = [name, label, seed, limit, last_label, last_seed, steps]
    button.click(shelf.answer(draw), inputs, outputs, api_name="interpolate")
    return last_label


def _chunks(shelf, common):
    name, label, seed, limit = common
    with gr.Row():
        other = gr.Number(1, label="Towards seed")
        part = gr.Number(0, label="Part of the latents (0: each)")
    button = gr.Button("Draw", variant="primary")
    picture, file = _picture("Chunks"), gr.DownloadButton("Download PNG")

    def draw(name, label, seed, limit, other, part):
        path = shelf.png(views.chunks(shelf.get(name), label, (seed, other), part, limit))
        return path, path

    inputs = [name, label, seed, limit, other, part]
    button.click(shelf.answer(draw), inputs, [picture, file], api_name="chunks")


def _canvases(shelf, common):
    gr.Markdown("For generators that draw in steps: GRAN, WIRGAN, GP-WIRGAN, DRAW.")
    button = gr.Button("Draw", variant="primary")
    outputs = _film_outputs("Canvas after each step")

    def draw(name, label, seed, limit):
        return _film_files(shelf, views.canvases(shelf.get(name), label, seed, limit))

    button.click(shelf.answer(draw), list(common), outputs, api_name="canvases")


def _pair(shelf, common, other):
    second = gr.Dropdown(shelf.names, value=other, label="Beside it")
    button = gr.Button("Draw", variant="primary")
    with gr.Row():
        both = [_picture("Generator"), _picture("Beside it")]

    def draw(name, label, seed, limit, second):
        return [
            shelf.png(views.samples(shelf.get(chosen), label, seed, 8, limit))
            for chosen in (name, second)
        ]

    button.click(shelf.answer(draw), [*common, second], both, api_name="pair")


def _picture(label):
    with gr.Column():
        gr.Markdown(label)  # gradio writes its own labels over the picture
        return gr.Image(
            label=label,
            show_label=False,
            type="filepath",
            format="png",
            interactive=False,
            buttons=["download", "fullscreen"],  # not gradio's own for sharing online
        )


def _film_outputs(label):
    with gr.Row():
        found = [_picture(label), _picture("Film")]
    with gr.Row():
        return [*found, gr.DownloadButton("Download PNG"), gr.DownloadButton("Download GIF")]


def _film_files(shelf, images):
    png, gif = shelf.png(views.rows(images, [])), shelf.gif(images)
    return png, gif, png, gif


def require_app(host: str, port: int) -> None:
    """Raises ValueError unless gradio is there and the port is free."""
    if gr is None:
        raise ValueError("The explorer needs gradio. Install it: pip install 'tfgan_zoo[app]'.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ValueError(
                f"--port must be free on {host}. Received: {port}: {error}. Name another."
            ) from error


def main(argv: list[str]) -> None:
    """Serves the page until it is interrupted, or ends with one line of what is wrong."""
    with tempfile.TemporaryDirectory(prefix="tfgan_zoo_explore_") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # gradio's copies go when the program ends
        try:
            if argv[1:]:
                raise ValueError(f"Flags begin with --. Received: {' '.join(argv[1:])}.")
            require_app(HOST, PORT.value)
            other = OTHER.value or "sagan-digits"
            shelf = Shelf([GENERATOR.value, other, *presets.names()], folder, LATENTS.value)
            shelf.get(other)
            built = page(shelf, other)
        except (ValueError, OSError) as error:
            sys.exit(f"Error: {error}")
        theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])
        print(f"The explorer is at http://{HOST}:{PORT.value}; end it with Ctrl-C.", flush=True)
        built.launch(
            server_name=HOST, server_port=PORT.value, theme=theme, footer_links=[], quiet=True
        )


if __name__ == "__main__":
    # Not at import: other programs have flags of such names.
    GENERATOR = flags.DEFINE_string("generator", "biggan-digits", "A .keras file or a preset.")
    OTHER = flags.DEFINE_string("other", None, "Another one, for Side by side.")
    PORT = flags.DEFINE_integer("port", 7860, "Of the page.", lower_bound=1, upper_bound=65535)
    LATENTS = flags.DEFINE_enum("latents", "normal", ["normal", "uniform"], "Of .keras files.")
    app.run(main)
