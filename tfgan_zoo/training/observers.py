"""What is told of a player's turn after its update: called with its `Turn`."""

import tensorflow as tf


def drive_noise(turn) -> None:
    """Lets a discriminator's layer "noise" follow the mean logit of the generated images.

    Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, Appendix B; the layer is
    `DrivenNoise`.
    """
    turn.network.get_layer("noise").observe(tf.reduce_mean(turn.fake_logits))
