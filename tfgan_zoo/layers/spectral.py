"""Layers whose kernel is divided by an estimate of its largest singular value.

Reference: Miyato et al., 2018, https://arxiv.org/abs/1802.05957, Algorithm 1.
"""

import keras
from keras import ops

from tfgan_zoo.layers import resampling

RESAMPLING = (None, "up", "down")


def largest_singular_value(matrix, u, epsilon=1e-6):
    """One step of power iteration.

    Args:
        matrix: [rows, columns]. The gradient of sigma reaches it, through no other path.
        u: [1, columns], the estimate of the right singular vector.
        epsilon: Smallest norm that a vector is divided by.

    Returns:
        (sigma, u): a scalar and the improved estimate.
    """
    v = _unit(ops.matmul(u, ops.transpose(ops.stop_gradient(matrix))), epsilon)
    scaled = ops.matmul(v, matrix)
    u = _unit(ops.stop_gradient(scaled), epsilon)
    return ops.sum(scaled * u), u


def _unit(vector, epsilon):
    return vector / ops.maximum(ops.sqrt(ops.sum(vector**2)), epsilon)


class SpectralNormalized(keras.layers.Layer):
    """What the layers below have in common: a kernel, its bias and one singular vector.

    Kernel and vector may be another layer's: `share_kernel`, `share_singular_vector`.

    A training call moves `u` by one power iteration and stores it; any other call does the same
    iteration and forgets it, as BigGAN-PyTorch does. All of it is in float32 whatever the policy.

    Args:
        use_bias: Whether to add a bias, which starts at 0.
        kernel_initializer: Of the raw kernel.
        epsilon: Smallest norm that a vector is divided by. Papers and code have 1e-12 to 1e-4.
        normalize: False for a plain layer, in networks that can be had with and without.
    """

    def __init__(
        self,
        use_bias=True,
        kernel_initializer="orthogonal",
        epsilon=1e-6,
        normalize=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.use_bias = use_bias
        # A copy of its own: one unseeded initializer draws the same values at every call.
        self.kernel_initializer = keras.initializers.get(kernel_initializer).clone()
        self.epsilon = epsilon
        self.normalize = normalize
        self.kernel = self.u = None

    def share_kernel(self, source):
        """Makes the kernel of another layer, which is built, that of this one, which is not.

        Both are then layers over one variable: what is saved of each is complete.

        Raises:
            ValueError: If this layer has a kernel of its own.
        """
        if self.built:
            raise ValueError(
                "`share_kernel` must come before the layer is built. "
                f"Received: {self.name}, which has a kernel. Call it before the layer."
            )
        self.kernel = source.kernel

    def share_singular_vector(self, source):
        """Makes `u` of another layer with the same kernel that of this one: both improve it.

        Raises:
            ValueError: If the layers see different matrices, or do not normalise alike.
        """
        if self.kernel is not source.kernel or self.adjoint != source.adjoint:
            raise ValueError(
                "A singular vector can be shared by layers that see the same kernel in the same "
                f"orientation. Received: {self.name} (adjoint={self.adjoint}) and {source.name} "
                f"(adjoint={source.adjoint}). Share the kernel first, or let each keep its own."
            )
        if self.normalize != source.normalize or self.epsilon != source.epsilon:
            raise ValueError(
                "Layers that share a singular vector must normalise alike. Received: "
                f"{self.name} (normalize={self.normalize}, epsilon={self.epsilon}) and "
                f"{source.name} (normalize={source.normalize}, epsilon={source.epsilon})."
            )
        self.u = source.u

    def _add_kernel(self, shape, units, name="kernel"):
        """Adds the weights that are not shared: called by every subclass's `build`."""
        if self.kernel is None:
            self.kernel = self.add_weight(shape, self.kernel_initializer, name=name, autocast=False)
        elif tuple(self.kernel.shape) != tuple(shape):
            raise ValueError(
                f"{self.name} cannot share a kernel of another shape than its own: {tuple(shape)}. "
                f"Received: {self.kernel.path} of shape {tuple(self.kernel.shape)}. Take layers of "
                "equal widths, or `AdjointConv2D` where input and output are swapped."
            )
        self.bias = self.add_weight((units,), "zeros", name="bias") if self.use_bias else None
        if not self.normalize or self.u is not None:
            return
        self.u = self.add_weight(
            (1, units),
            "random_normal",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
            name="u",
        )

    adjoint = False  # whether what is applied is the adjoint of the kernel

    def applied(self):
        """The kernel as it is applied, not yet normalised."""
        return ops.convert_to_tensor(self.kernel)

    def matrix(self):
        """The applied kernel as the matrix whose norm is meant: [everything else, units]."""
        kernel = self.applied()
        return ops.reshape(kernel, (-1, kernel.shape[-1]))

    def singular_value(self):
        """The estimate of the kernel's largest singular value that an inference call divides by."""
        return largest_singular_value(self.matrix(), self.u, self.epsilon)[0]

    def normalized_kernel(self, training, detached=False):
        """kernel / sigma in the layer's compute dtype; updates `u` when `training`.

        No gradient reaches a `detached` kernel: for players that must not learn through it.
        """
        kernel = self.applied()
        if self.normalize:
            sigma, u = largest_singular_value(self.matrix(), self.u, self.epsilon)
            if training:
                self.u.assign(u)
            kernel = kernel / ops.maximum(sigma, self.epsilon)
        kernel = ops.stop_gradient(kernel) if detached else kernel
        return ops.cast(kernel, self.compute_dtype)

    def fold(self):
        """Divides the kernel by sigma for good: for copies that only serve, never for training."""
        if not self.normalize:
            return
        self.kernel.assign(self.kernel / self.singular_value())
        self.normalize = False

    def _add_bias(self, outputs):
        return outputs if self.bias is None else outputs + self.bias

    def get_config(self):
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "epsilon": self.epsilon,
            "normalize": self.normalize,
        }


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class SNConv2D(SpectralNormalized):
    """Convolution of stride 1 with zero padding, and optionally a resampling beside it.

    [batch, H, W, C] -> [batch, H, W, filters], [batch, 2 H, 2 W, filters] after
    `resample="up"` (pixels repeated before the convolution) or [batch, H / 2, W / 2, filters]
    after `resample="down"` (2x2 means after it). Resampling goes with 3x3 kernels only, because
    it is folded into the kernel where `folded` is true; that changes speed, not the function.

    Args:
        filters: Channels of the output.
        kernel_size: Height and width of the kernel.
        resample: None, "up" or "down".
        **kwargs: Those of `SpectralNormalized` and of `keras.layers.Layer`.

    Raises:
        ValueError: If `resample` is unknown or the kernel is not 3x3 beside it.
    """

    def __init__(self, filters, kernel_size=3, resample=None, **kwargs):
        super().__init__(**kwargs)
        if resample not in RESAMPLING or (resample and kernel_size != 3):
            raise ValueError(
                f"`resample` must be one of {RESAMPLING}, and None unless kernel_size=3. "
                f"Received: resample={resample!r}, kernel_size={kernel_size}. "
                "Put `Upsample2D` or `AveragePooling2D` beside other kernels."
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.resample = resample
        self.folded = True

    def build(self, input_shape):
        if self.resample == "down" and (input_shape[1] % 2 or input_shape[2] % 2):
            raise ValueError(
                '`resample="down"` needs an even height and width. '
                f"Received: shape {tuple(input_shape)}. Resize the images."
            )
        channels = (input_shape[-1], self.filters)
        channels = channels[::-1] if self.adjoint else channels
        self._add_kernel((self.kernel_size, self.kernel_size, *channels), self.filters)

    def call(self, inputs, training=False, detached=False):
        kernel = self.normalized_kernel(training, detached)
        if self.resample == "up":
            outputs = resampling.conv_after_upsampling(inputs, kernel, self.folded)
        elif self.resample == "down":
            outputs = resampling.conv_before_downsampling(inputs, kernel, self.folded)
        else:
            outputs = ops.conv(inputs, kernel, padding="same")
        return self._add_bias(outputs)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        if self.resample == "up":
            height, width = 2 * height, 2 * width
        elif self.resample == "down":
            height, width = height // 2, width // 2
        return (batch, height, width, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "resample": self.resample,
        }


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class AdjointConv2D(SNConv2D):
    """Convolution with the adjoint of a kernel: what it maps from is what the kernel maps to.

    The kernel is stored as a layer has it that maps [batch, H, W, filters] to the inputs' shape,
    and may be shared with that layer. It is flipped and its channels are swapped: a transposed
    convolution of stride 1. Its matrix is another one than that layer's, and so is `u`.
    """

    adjoint = True

    def applied(self):
        return ops.flip(ops.transpose(self.kernel, (0, 1, 3, 2)), axis=(0, 1))


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class SNDense(SpectralNormalized):
    """Linear map: [batch, features] -> [batch, units]."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self._add_kernel((input_shape[-1], self.units), self.units)

    def call(self, inputs, training=False):
        return self._add_bias(ops.matmul(inputs, self.normalized_kernel(training)))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class SNEmbedding(SpectralNormalized):
    """Table with a row per class: int [batch] in [0, num_classes) -> [batch, units].

    The whole table is normalised, then rows are taken; `u` has one entry per class.
    """

    def __init__(self, num_classes, units, **kwargs):
        super().__init__(**{**kwargs, "use_bias": False})
        self.num_classes = num_classes
        self.units = units

    def build(self, input_shape):
        # Not "kernel": what regularises kernels leaves embeddings out.
        self._add_kernel((self.num_classes, self.units), self.num_classes, name="embeddings")

    def matrix(self):
        return ops.transpose(self.kernel)

    def call(self, inputs, training=False):
        return ops.take(self.normalized_kernel(training), inputs, axis=0)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.units)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes, "units": self.units}
