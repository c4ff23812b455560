"""Residual blocks that several families draw their networks from.

Blocks are functions, not layers: every layer with weights is then a layer of the network itself,
with a name that tells where it is, and nothing nested can stay unbuilt.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import ops

from tfgan_zoo.layers import attention, heads, normalization, resampling, spectral

GLOROT = keras.initializers.GlorotUniform()
# (of most kernels, of the 3x3 ones in residual blocks and of strided convolutions)
INITIALIZERS = {
    "orthogonal": (keras.initializers.Orthogonal(),) * 2,
    "normal_0.02": (keras.initializers.RandomNormal(stddev=0.02),) * 2,
    "glorot": (GLOROT,) * 2,
    # Glorot's with a gain of sqrt(2) where a ReLU halves the signal: SNGAN's authors' code.
    "glorot_gain": (GLOROT, keras.initializers.VarianceScaling(2.0, "fan_avg", "uniform")),
    "gran": (GLOROT, keras.initializers.RandomNormal(stddev=0.01)),
    "zeros": (keras.initializers.Zeros(),) * 2,
}


class Style(NamedTuple):
    """What the layers of one network have in common."""

    initializer: str  # of INITIALIZERS
    spectral: bool  # whether kernels are divided by their largest singular value
    sn_epsilon: float
    bn_epsilon: float
    num_classes: int
    standing: int  # truncations whose moments are kept
    conv: Callable = spectral.SNConv2D  # makes the convolutions of residual blocks
    activation: Callable = keras.layers.ReLU  # and what is between them

    @classmethod
    def of(cls, spec, spectral=True):
        """From a spec with fields of these names."""
        return cls(
            spec.initializer,
            spectral,
            spec.sn_epsilon,
            spec.bn_epsilon,
            spec.num_classes,
            len(spec.standing),
        )

    def kernel(self, in_block=False):
        """Arguments of the layers of `layers.spectral`, `layers.attention` and `layers.heads`."""
        return {
            "kernel_initializer": INITIALIZERS[self.initializer][in_block],
            "epsilon": self.sn_epsilon,
            "normalize": self.spectral,
        }

    def norm(self):
        """Arguments of the layers of `layers.normalization`."""
        return {"epsilon": self.bn_epsilon, "standing": self.standing}


def check_initializer(name):
    """Raises ValueError for one that INITIALIZERS does not have."""
    if name not in INITIALIZERS:
        raise ValueError(
            f"`initializer` must be one of {sorted(INITIALIZERS)}. Received: {name!r}."
        )


def check_resolution(spec, flat, which):
    """Raises ValueError if the numbers of widths do not suit a spec's resolution.

    Args:
        spec: Of a residual generator and discriminator.
        flat: Entries of `d_widths` that do not halve the resolution.
        which: These in words.
    """
    doublings = len(spec.g_widths) - 1
    if doublings < 1 or spec.resolution % 2**doublings:
        raise ValueError(
            "`resolution` must be a seed of at least one pixel doubled once for every entry of "
            f"`g_widths` but the first. Received: resolution={spec.resolution}, "
            f"g_widths={spec.g_widths}. Drop or add widths."
        )
    halvings = len(spec.d_widths) - flat
    if halvings < 1 or spec.resolution % 2**halvings:
        raise ValueError(
            f"All entries of `d_widths` but {which} halve the resolution: at least one, and no "
            f"more than it can bear. Received: resolution={spec.resolution}, "
            f"d_widths={spec.d_widths}, of which {flat} do not. Drop or add widths."
        )


def check_attention(spec, halvings):
    """Raises ValueError if a spec wants attention at a resolution that no feature map has."""
    seed = spec.resolution >> (len(spec.g_widths) - 1)
    maps = {
        "g_attention": [seed << number for number in range(1, len(spec.g_widths))],
        "d_attention": [spec.resolution >> number for number in range(1, halvings + 1)],
    }
    for name, sides in maps.items():
        if getattr(spec, name) and getattr(spec, name) not in sides:
            raise ValueError(
                f"`{name}` must be 0, for none, or the resolution of a feature map: "
                f"{', '.join(map(str, sorted(sides)))}. Received: {name}={getattr(spec, name)}."
            )


def input_layers(num_classes, **shapes):
    """Named float inputs of the given shapes, and int32 "labels" if there are classes."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    if num_classes:
        inputs["labels"] = keras.Input((), dtype="int32", name="labels")
    return inputs


def class_embedding(labels, units, style):
    """One vector per class, which all conditional norms share: int [batch] -> [batch, units]."""
    return keras.layers.Embedding(
        style.num_classes,
        units,
        embeddings_initializer=INITIALIZERS[style.initializer][0].clone(),
        name="class_embedding",
    )(labels)


def conditional_norm(x, condition, style, name):
    """Batch norm whose gain and bias depend on a condition.

    Args:
        x: [batch, H, W, C].
        condition: None for none, int32 [batch] for labels with a table of their own in this
            layer, or [batch, units] for a vector that is projected.
        style: Of the network. Tables start at 0, so the layer starts as a plain norm, as in the
            code of SNGAN and SAGAN; BigGAN-PyTorch draws them like kernels.
        name: Of the layer.
    """
    if condition is None:
        return normalization.BatchNorm(name=name, **style.norm())(x)
    width = x.shape[-1]
    if len(condition.shape) == 1:
        gain, bias = (
            keras.layers.Embedding(
                style.num_classes,
                width,
                embeddings_initializer="zeros",
                name=f"{name}_{part}",
            )
            for part in ("gain", "bias")
        )
    else:
        gain, bias = (
            spectral.SNDense(width, use_bias=False, name=f"{name}_{part}", **style.kernel())
            for part in ("gain", "bias")
        )
    layer = normalization.ConditionalBatchNorm(name=name, **style.norm())
    return layer([x, gain(condition), bias(condition)])


def up_block(x, condition, width, style, name, up=True, join=None):
    """Residual block of a generator, which doubles height and width.

    [batch, H, W, C] -> [batch, 2 H, 2 W, width]. The shortcut's 1x1 convolution comes before its
    upsampling: the same function for a quarter of the work. Without `up`, size and width stay, and
    the shortcut is the identity. `join` adds the two paths, by default as they are.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Figure 15 (b).
    """
    kernel = style.kernel(in_block=True)
    h = style.activation()(conditional_norm(x, condition, style, f"{name}_norm_1"))
    h = style.conv(width, resample="up" if up else None, name=f"{name}_conv_1", **kernel)(h)
    h = style.activation()(conditional_norm(h, condition, style, f"{name}_norm_2"))
    h = style.conv(width, name=f"{name}_conv_2", **kernel)(h)
    if up:
        x = style.conv(width, 1, name=f"{name}_shortcut", **style.kernel())(x)
        x = resampling.Upsample2D()(x)
    return (join or keras.layers.Add())([h, x])


def down_block(x, width, style, name, down=True, preactivated=True, thin=False, join=None):
    """Residual block of a discriminator.

    [batch, H, W, C] -> [batch, H / 2, W / 2, width], or the same size without `down`. The first
    block of a network is not `preactivated`: a ReLU on pixels would throw half of them away. A
    `thin` block gets to its width in its second convolution, as SNGAN's. The shortcut has a
    convolution wherever size or width change, after its pooling: the same function for a quarter
    of the work. `join` adds the two paths, by default as they are.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Figure 15 (c).
    """
    kernel = style.kernel(in_block=True)
    middle = x.shape[-1] if thin and preactivated else width
    h = style.activation()(x) if preactivated else x
    h = style.activation()(style.conv(middle, name=f"{name}_conv_1", **kernel)(h))
    h = style.conv(width, resample="down" if down else None, name=f"{name}_conv_2", **kernel)(h)
    shortcut = keras.layers.AveragePooling2D(2)(x) if down else x
    if down or x.shape[-1] != width:
        shortcut = style.conv(width, 1, name=f"{name}_shortcut", **style.kernel())(shortcut)
    return (join or keras.layers.Add())([h, shortcut])


def deep_up_block(x, condition, width, up, style, name):
    """Bottleneck block of a generator: 1x1, 3x3, 3x3 and 1x1 convolutions on C / 4 channels.

    [batch, H, W, C] -> [batch, H, W, width], twice as high and wide if `up`. The shortcut keeps
    the first `width` channels and has no weights.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Figure 16 (b).
    """
    hidden = x.shape[-1] // 4
    convolutions = [
        (hidden, 1, None),
        (hidden, 3, "up" if up else None),
        (hidden, 3, None),
        (width, 1, None),
    ]
    h = x
    for number, (filters, size, resample) in enumerate(convolutions, start=1):
        h = conditional_norm(h, condition, style, f"{name}_norm_{number}")
        h = spectral.SNConv2D(
            filters,
            size,
            resample=resample,
            name=f"{name}_conv_{number}",
            **style.kernel(in_block=size == 3),
        )(keras.layers.ReLU()(h))
    shortcut = x[..., :width] if width < x.shape[-1] else x
    return keras.layers.Add()([h, resampling.Upsample2D()(shortcut) if up else shortcut])


def deep_down_block(x, width, down, style, name):
    """Bottleneck block of a discriminator: 1x1, 3x3, 3x3 and 1x1 on width / 4 channels.

    [batch, H, W, C] -> [batch, H, W, width], half as high and wide if `down`. The pooling comes
    before the last convolution. The shortcut keeps all channels; those that are missing are a
    1x1 convolution of them.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Figure 16 (c).
    """
    hidden = width // 4
    h = x
    for number, (filters, size) in enumerate([(hidden, 1), (hidden, 3), (hidden, 3)], start=1):
        h = spectral.SNConv2D(
            filters, size, name=f"{name}_conv_{number}", **style.kernel(in_block=size == 3)
        )(keras.layers.ReLU()(h))
    h = keras.layers.ReLU()(h)
    h, shortcut = (keras.layers.AveragePooling2D(2)(t) if down else t for t in (h, x))
    h = spectral.SNConv2D(width, 1, name=f"{name}_conv_4", **style.kernel())(h)
    missing = width - x.shape[-1]
    if missing:
        layer = spectral.SNConv2D(missing, 1, name=f"{name}_shortcut", **style.kernel())
        shortcut = keras.layers.Concatenate()([shortcut, layer(shortcut)])
    return keras.layers.Add()([h, shortcut])


def attention_at(x, resolution, style, name="attention"):
    """Self-attention if `x` has the given resolution, else `x`."""
    if x.shape[1] != resolution:
        return x
    return attention.SelfAttention2D(name=name, **style.kernel())(x)


def sum_pool(x):
    """ReLU, then the sum over all pixels in float32: [batch, H, W, C] -> [batch, C]."""
    return ops.sum(ops.cast(ops.relu(x), "float32"), axis=(1, 2))


def logits(features, inputs, style, use_bias=True):
    """The head of a discriminator: [batch, C] and, if there are classes, labels -> [batch, 1]."""
    settings = {**style.kernel(), "use_bias": use_bias, "dtype": "float32", "name": "logits"}
    if style.num_classes:
        return heads.ClassProjection(style.num_classes, **settings)([features, inputs["labels"]])
    return spectral.SNDense(1, **settings)(features)


def class_error(inputs, classes):
    """An auxiliary classifier's error: the cross entropy of the labels in nats, [batch].

    Reference: Odena et al., 2017, https://arxiv.org/abs/1610.09585, eq. 3.

    Args:
        inputs: Of the network, labels among them.
        classes: Logits, [batch, num_classes].
    """
    return keras.losses.sparse_categorical_crossentropy(inputs["labels"], classes, from_logits=True)


def to_images(x, filters, channels, style):
    """The tail of a generator: norm, ReLU, convolution and tanh -> images, float32.

    Only the first `channels` of the convolution's `filters` are used.
    """
    x = keras.layers.ReLU()(normalization.BatchNorm(name="norm", **style.norm())(x))
    x = spectral.SNConv2D(filters, name="to_rgb", **style.kernel())(x)
    x = x[..., :channels] if channels < filters else x
    return keras.layers.Activation("tanh", dtype="float32", name="images")(x)
