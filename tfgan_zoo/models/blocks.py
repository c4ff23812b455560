"""Residual blocks that several families draw their networks from.

Blocks are functions, not layers: every layer with weights is then a layer of the network itself,
with a name that tells where it is, and nothing nested can stay unbuilt.
"""

import keras
from keras import ops

from tfgan_zoo.layers import attention, normalization, resampling, spectral

INITIALIZERS = {
    "orthogonal": keras.initializers.Orthogonal(),
    "normal_0.02": keras.initializers.RandomNormal(stddev=0.02),
    "zeros": keras.initializers.Zeros(),
}


def sn_settings(spec):
    """Arguments that all spectrally normalised layers of a network share."""
    return {
        "kernel_initializer": INITIALIZERS[spec.initializer],
        "epsilon": spec.sn_epsilon,
    }


def input_layers(num_classes, **shapes):
    """Named float inputs of the given shapes, and int32 "labels" if there are classes."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    if num_classes:
        inputs["labels"] = keras.Input((), dtype="int32", name="labels")
    return inputs


def conditional_norm(x, condition, spec, name):
    """Batch norm whose gain and bias depend on a condition.

    Args:
        x: [batch, H, W, C].
        condition: None for none, int32 [batch] for labels with a table of their own in this
            layer, or [batch, units] for a vector that is projected.
        spec: With `num_classes`, `bn_epsilon` and what `sn_settings` reads.
        name: Of the layer.
    """
    if condition is None:
        return normalization.BatchNorm(epsilon=spec.bn_epsilon, name=name)(x)
    width = x.shape[-1]
    if len(condition.shape) == 1:
        gain, bias = (
            keras.layers.Embedding(
                spec.num_classes,
                width,
                embeddings_initializer=INITIALIZERS[spec.initializer].clone(),
                name=f"{name}_{part}",
            )
            for part in ("gain", "bias")
        )
    else:
        gain, bias = (
            spectral.SNDense(width, use_bias=False, name=f"{name}_{part}", **sn_settings(spec))
            for part in ("gain", "bias")
        )
    layer = normalization.ConditionalBatchNorm(epsilon=spec.bn_epsilon, name=name)
    return layer([x, gain(condition), bias(condition)])


def up_block(x, condition, width, spec, name):
    """Residual block of a generator, which doubles height and width.

    [batch, H, W, C] -> [batch, 2 H, 2 W, width]. The shortcut's 1x1 convolution comes before its
    upsampling: the same function for a quarter of the work.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Figure 15 (b).
    """
    settings = sn_settings(spec)
    h = keras.layers.ReLU()(conditional_norm(x, condition, spec, f"{name}_norm_1"))
    h = spectral.SNConv2D(width, resample="up", name=f"{name}_conv_1", **settings)(h)
    h = keras.layers.ReLU()(conditional_norm(h, condition, spec, f"{name}_norm_2"))
    h = spectral.SNConv2D(width, name=f"{name}_conv_2", **settings)(h)
    shortcut = spectral.SNConv2D(width, 1, name=f"{name}_shortcut", **settings)(x)
    return keras.layers.Add()([h, resampling.Upsample2D()(shortcut)])


def down_block(x, width, spec, name, down=True, preactivated=True):
    """Residual block of a discriminator.

    [batch, H, W, C] -> [batch, H / 2, W / 2, width], or the same size without `down`. The first
    block of a network is not `preactivated`: a ReLU on pixels would throw half of them away. The
    shortcut has a convolution wherever size or width change, after its pooling: the same function
    for a quarter of the work.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Figure 15 (c).
    """
    settings = sn_settings(spec)
    h = keras.layers.ReLU()(x) if preactivated else x
    h = keras.layers.ReLU()(spectral.SNConv2D(width, name=f"{name}_conv_1", **settings)(h))
    h = spectral.SNConv2D(
        width, resample="down" if down else None, name=f"{name}_conv_2", **settings
    )(h)
    shortcut = keras.layers.AveragePooling2D(2)(x) if down else x
    if down or x.shape[-1] != width:
        shortcut = spectral.SNConv2D(width, 1, name=f"{name}_shortcut", **settings)(shortcut)
    return keras.layers.Add()([h, shortcut])


def attention_at(x, resolution, spec, name="attention"):
    """Self-attention if `x` has the given resolution, else `x`."""
    if x.shape[1] != resolution:
        return x
    return attention.SelfAttention2D(name=name, **sn_settings(spec))(x)


def sum_pool(x):
    """ReLU, then the sum over all pixels in float32: [batch, H, W, C] -> [batch, C]."""
    return ops.sum(ops.cast(ops.relu(x), "float32"), axis=(1, 2))
