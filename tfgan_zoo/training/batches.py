"""What a step is given: batches of images, as bytes or as numbers, for several updates."""

import tensorflow as tf

Tensor = tf.Tensor


def floats(images: Tensor) -> Tensor:
    """Images in [-1, 1], float32.

    Bytes become x / 127.5 - 1 here, on the device, which is sent a quarter of the memory so. The
    quotient is computed in float64: in float32 compilers multiply by the inverse, each in its own
    way, and a run would depend on them in the last bit.

    Args:
        images: Any shape; uint8, or already in [-1, 1].
    """
    if images.dtype != tf.uint8:
        return images
    return tf.cast(tf.cast(images, tf.float64) / 127.5, tf.float32) - 1.0


def split(batch: dict[str, Tensor], parts: int) -> list[dict[str, Tensor]]:
    """Cuts a dictionary of batches into `parts` dictionaries.

    Raises:
        ValueError: If the batch size is not static or `parts` does not divide it.
    """
    size = batch["images"].shape[0]
    if size is None or size % parts:
        raise ValueError(
            "The batch must have a known size that the discriminator's steps * micro_batches "
            f"divide. Received: batch size {size}, {parts} parts. Batch the dataset with "
            "rule.batches times the size of one, and drop_remainder=True."
        )
    pieces = {name: tf.split(value, parts) for name, value in batch.items()}
    return [{name: piece[number] for name, piece in pieces.items()} for number in range(parts)]
