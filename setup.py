"""Packaging: the version, what is installed, and which versions of what it needs.

The ranges are what should work, constraints.txt is what the tests ran with.
"""

import pathlib
import re

import setuptools

HERE = pathlib.Path(__file__).parent
README = HERE / "README.md"

TRAIN = [
    "scikit-learn>=1.5",  # the digits data set: real images without a download
    "matplotlib>=3.9",  # the curves of a run
    "tensorboard>=2.20",  # TensorFlow 2.21 writes its event files but no longer brings it
    "tqdm>=4.66",  # progress bars of long evaluations
]
EXPORT = ["ai-edge-litert>=2.1"]  # runs TFLite files, to compare them with the network
ONNX = ["onnx>=1.17", "tf2onnx>=1.17", "onnxruntime>=1.20"]  # writes ONNX files, and runs them
SERVING = ["tensorflow-serving-api>=2.21,<3"]  # warm-up requests, and the client over gRPC
VIDEO = ["av>=14"]  # MP4 films of --mode=sample; it brings FFmpeg
VIS = ["tf-keras-vis>=0.8.7"]  # saliency and activation maps of discriminators
# --dataset=tfds:NAME; the second is what the first forgets to ask for
DATASETS = ["tensorflow-datasets>=4.9.8", "importlib_resources>=6"]
HUB = ["huggingface_hub>=1.0"]  # presets at hf://USER/NAME
APP = ["gradio>=6.31,<7"]  # the explorer
TEST = [
    *TRAIN,
    *EXPORT,
    *ONNX,
    *SERVING,
    *VIDEO,
    *VIS,
    *DATASETS,
    *HUB,
    *APP,
    "pytest>=8.2",  # runs the tests
    "pytest-xdist>=3.6",  # on both cores: tracing, which takes most of their time, uses one
    "hypothesis>=6.100",  # property tests of metrics and losses
    "jax>=0.7",  # networks reload and agree on a second backend
    "ovmsclient>=2023.1",  # a client of TensorFlow Serving that is not ours
    "playwright>=1.50",  # drives Chromium, if that is installed
]


def version() -> str:
    """Returns the version without importing the package, which would need Keras."""
    text = (HERE / "tfgan_zoo" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise ValueError('tfgan_zoo/__init__.py must have a line `__version__ = "X.Y.Z"`.')
    return match.group(1)


setuptools.setup(
    name="tfgan_zoo",
    version=version(),
    description="GANs from the literature for Keras 3 and TensorFlow: parts, recipes, exports.",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    packages=setuptools.find_packages(
        where=str(HERE), include=["tfgan_zoo*", "recipes*", "export*"]
    ),
    package_data={
        "tfgan_zoo.metrics": ["*.keras"],  # the network whose features FID is measured in
        "tfgan_zoo.presets": ["shipped/*/*"],  # trained generators
        "recipes": ["flagfiles/*/*.flags", "paper/*.json"],
        "export": ["web_page/*"],
    },
    install_requires=[
        "tensorflow>=2.21,<2.22",  # training, tf.data, SavedModel and TFLite export
        "keras>=3.15,<4",  # networks, layers and losses, on any of its backends
        "absl-py>=2.1",  # flags and logging of the recipes
        "numpy>=2.0,<3",  # metrics
        "pillow>=11.0",  # image files in, sheets of samples out
    ],
    extras_require={
        "train": TRAIN,
        "export": EXPORT,
        "onnx": ONNX,
        "serving": SERVING,
        "datasets": DATASETS,
        "hub": HUB,
        "app": APP,
        "video": VIDEO,
        "vis": VIS,
        "test": TEST,
        "torch": ["torch>=2.6"],  # reads PyTorch's files of released weights
        "lint": ["ruff>=0.15"],  # formatter and linter
    },
)
