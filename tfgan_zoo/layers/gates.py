"""Sums whose second term can be learned to be left out."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class GatedAdd(keras.layers.Layer):
    """[h, x] of one shape -> x + g h, with one learned gate g.

    g is the sigmoid of a logit that starts at 0. A hard gate is 1 where the logit is positive and 0
    elsewhere, with the sigmoid's gradient (straight through); while it is 0, no gradient reaches
    h: what computes it learns nothing from this call.
    Reference: Bengio et al., 2013, https://arxiv.org/abs/1308.3432, section 4, for the latter.

    Args:
        hard: Whether the gate is 0 or 1.
    """

    def __init__(self, hard=False, **kwargs):
        super().__init__(**kwargs)
        self.hard = hard

    def build(self, input_shape):
        self.logit = self.add_weight((), "zeros", autocast=False, name="logit")

    def gate(self):
        """g, a float32 scalar."""
        soft = ops.sigmoid(self.logit)
        if not self.hard:
            return soft
        # The difference is 0 exactly, so g is 0 or 1 exactly.
        return ops.cast(self.logit > 0, soft.dtype) + (soft - ops.stop_gradient(soft))

    def call(self, inputs):
        h, x = inputs
        return x + ops.cast(self.gate(), x.dtype) * h

    def compute_output_shape(self, input_shape):
        return input_shape[1]

    def get_config(self):
        return {**super().get_config(), "hard": self.hard}
