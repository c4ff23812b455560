"""What training runs on: its flags, and the strategy they ask for."""

import tensorflow as tf
from absl import flags

STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "one_device", "mirrored", "tpu"],
    "auto: mirrored where there are several GPUs, else one device.",
)
TPU = flags.DEFINE_string("tpu", None, "Name or address of the TPU; with --strategy=tpu.")


def check_flags() -> None:
    """Raises ValueError for flags that contradict one another."""
    if TPU.value and STRATEGY.value != "tpu":
        raise ValueError(
            f"--tpu goes with --strategy=tpu. Received: --strategy={STRATEGY.value}. "
            "Drop one of them."
        )


def make_strategy() -> tf.distribute.Strategy:
    """The strategy of --strategy.

    Raises:
        ValueError: If there is no TPU where one is asked for.
    """
    name, tpu = STRATEGY.value, TPU.value
    if name == "tpu":
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu or "")
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
        except (ValueError, RuntimeError, tf.errors.OpError) as error:
            raise ValueError(
                f"--strategy=tpu found no TPU (--tpu={tpu!r}): {str(error).splitlines()[0]} "
                "Name it with --tpu, or use another --strategy."
            ) from error
        return tf.distribute.TPUStrategy(resolver)
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()
