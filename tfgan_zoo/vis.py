"""What a discriminator looks at: saliency, SmoothGrad, Grad-CAM and activation maximisation.

The maps are by tf-keras-vis, which takes networks of one float input only; `view` draws such a
network over the layers of a discriminator, for one class. It needs TensorFlow, and
pip install 'tfgan_zoo[vis]'.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

try:  # an optional dependency: only this file needs it
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.activation_maximization.input_modifiers import Jitter
    from tf_keras_vis.activation_maximization.regularizers import TotalVariation2D
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency
except ImportError:
    Saliency = None

FEATURES = "features"  # name, in views, of the maps that Grad-CAM weighs
LEAST_SIDE = 4  # of these maps, in pixels


def saliency(
    discriminator: keras.Model,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    samples: int = 0,
    noise: float = 0.2,
) -> np.ndarray:
    """Returns which pixels change the logit most: float32 [N, H, W], each map from 0 to 1.

    Reference: Simonyan et al., 2014, https://arxiv.org/abs/1312.6034; with samples, SmoothGrad:
    Smilkov et al., 2017, https://arxiv.org/abs/1706.03825.

    Args:
        discriminator: {"images", perhaps "labels"} -> logits.
        images: float32 [N, H, W, C] in [-1, 1].
        labels: integers [N]; None without classes.
        samples: Noisy copies whose maps are averaged; 0 for none. TensorFlow's generator draws.
        noise: Deviation of that noise, as a share of each image's range.

    Raises:
        ValueError: If the inputs do not fit, or tf-keras-vis is not installed.
    """

    def draw(model, chosen):
        tool = Saliency(model, clone=False)
        return tool(_logit, chosen, smooth_samples=samples, smooth_noise=noise)

    return _by_class(discriminator, images, labels, None, draw)


def grad_cam(
    discriminator: keras.Model,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Returns which regions raise the logit: float32 [N, H, W], each map from 0 to 1.

    A map is 0 everywhere if nothing does. Reference: Selvaraju et al., 2017,
    https://arxiv.org/abs/1610.02391.

    Args:
        discriminator: As in `saliency`.
        images: As in `saliency`.
        labels: As in `saliency`.
        layer: Whose feature maps are weighed; default: the last with maps of 4 pixels or more.

    Raises:
        ValueError: As `saliency`; and if there is no such layer.
    """
    name = feature_layer(discriminator, layer)

    def draw(model, chosen):
        tool = Gradcam(model, clone=False)
        return tool(_logit, chosen, penultimate_layer=FEATURES, seek_penultimate_conv_layer=False)

    return _by_class(discriminator, images, labels, name, draw)


def most_real(discriminator: keras.Model, label: int | None = None, steps: int = 60) -> np.ndarray:
    """Returns the image that gets a large logit, found by ascent from gray: float32 [H, W, C].

    It is in [-1, 1], and need not look like anything: discriminators learn from images only.
    Reference: Erhan et al., 2009, "Visualizing higher-layer features of a deep network", with the
    total variation of tf-keras-vis.

    Args:
        discriminator: As in `saliency`.
        label: Class; None without classes.
        steps: Of the ascent.

    Raises:
        ValueError: As `saliency`.
    """
    _require_package()
    _check_labels(discriminator, None if label is None else np.asarray([label]), 1)
    tool = ActivationMaximization(view(discriminator, label), clone=False)
    shape = (1, *discriminator.input["images"].shape[1:])
    image = tool(
        _logit,
        seed_input=np.random.default_rng(0).uniform(-0.1, 0.1, shape).astype(np.float32),
        input_range=(-1.0, 1.0),
        # The package's own settings are for values up to 255, and would leave black and white.
        input_modifiers=[Jitter(jitter=2)],
        regularizers=[TotalVariation2D(weight=0.3)],
        optimizer=keras.optimizers.Adam(0.05),
        steps=steps,
    )
    return np.asarray(image, np.float32)[0]


def view(
    discriminator: keras.Model, label: int | None = None, layer: str | None = None
) -> keras.Model:
    """A discriminator for images of one class: images -> logits [N, 1], on the same layers.

    Args:
        discriminator: Functional: {"images", perhaps "labels"} -> logits, or a dictionary of them.
        label: The class; None without classes.
        layer: Name of a layer; what it returns is also what the view's layer "features" returns.
    """
    inputs = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in discriminator.input.items()
    }
    images, labels = inputs["images"], inputs.get("labels")
    constant = None if labels is None else _Constant(label)(images)

    def call(drawn, *args, **kwargs):
        args, kwargs = keras.tree.map_structure(
            lambda x: constant if labels is not None and x is labels else x, (args, kwargs)
        )
        outputs = drawn(*args, **kwargs)
        return keras.layers.Identity(name=FEATURES)(outputs) if drawn.name == layer else outputs

    copy = keras.models.clone_model(discriminator, inputs, lambda drawn: drawn, call)
    outputs = copy.output
    return keras.Model(images, outputs["logits"] if isinstance(outputs, dict) else outputs)


def feature_layer(discriminator: keras.Model, name: str | None = None) -> str:
    """The name of a layer with feature maps: the given one, or the last of 4 pixels or more.

    Raises:
        ValueError: If there is none.
    """
    found = [layer.name for layer in discriminator.layers if _side(layer) >= LEAST_SIDE]
    if not found or name not in (None, *found):
        raise ValueError(
            f"`layer` must be one with feature maps of {LEAST_SIDE} pixels or more: "
            f"{', '.join(found) or 'there is none'}. Received: layer={name!r}."
        )
    return name or found[-1]


def _side(layer):
    shape = getattr(layer.output, "shape", ())
    return (
        min(shape[1:3]) if len(shape) == 4 and not isinstance(layer, keras.layers.InputLayer) else 0
    )


class _Constant(keras.layers.Layer):
    """Images [N, ...] -> the same label for each, int32 [N]."""

    def __init__(self, label, **kwargs):
        super().__init__(**kwargs)
        self.label = label

    def call(self, images):
        return ops.full((ops.shape(images)[0],), self.label, dtype="int32")


def _logit(outputs):
    return outputs[:, 0]


def _by_class(discriminator, images, labels, layer, draw: Callable) -> np.ndarray:
    """Maps of all images, which are drawn class by class, by a view of each."""
    _require_package()
    images = np.asarray(images, np.float32)
    shape = discriminator.input["images"].shape[1:]
    if images.ndim != 4 or images.shape[1:] != shape or not len(images):
        raise ValueError(
            f"`images` must be [N, {', '.join(map(str, shape))}], which this network takes. "
            f"Received: shape {images.shape}."
        )
    labels = _check_labels(discriminator, labels, len(images))
    maps = np.empty(images.shape[:3], np.float32)
    for label in np.unique(labels):
        rows = labels == label
        model = view(discriminator, int(label), layer)
        maps[rows] = np.nan_to_num(draw(model, images[rows]))  # of maps that are 0 everywhere
    return maps


def _check_labels(discriminator, labels, count):
    """Labels [count], zeros for networks without classes."""
    if "labels" not in discriminator.input:
        if labels is not None:
            raise ValueError(
                "`labels` are of networks with classes. Received: some. Leave them out."
            )
        return np.zeros(count, int)
    classes = discriminator.spec.num_classes
    labels = None if labels is None else np.asarray(labels)
    if labels is None or labels.shape != (count,) or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"`labels` must be one class in [0, {classes}) for each of {count} images. "
            f"Received: {labels}."
        )
    return labels


def _require_package():
    if Saliency is None:
        raise ValueError(
            "These maps need the package tf-keras-vis, on TensorFlow. Received: none. "
            "Install it: pip install 'tfgan_zoo[vis]'."
        )
