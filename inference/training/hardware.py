"""What a fit makes of the machine: one processor, one GPU, or several."""

from collections.abc import Iterator
from contextlib import contextmanager

from inference.vgg16 import choose_device


@contextmanager
def machine() -> Iterator[str]:
    """Yield ``cpu`` or ``gpu``; on GPUs with half precision, and on several with a part of a batch.

    Raises
    ------
    DeviceUnavailable
        ``OVERREAD_DEVICE`` asks for what is not there.
    """
    import tensorflow as tf
    from tensorflow import keras

    device = choose_device()
    if device == "cpu":
        yield device
        return
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        many = len(tf.config.list_physical_devices("GPU")) > 1
        strategy = tf.distribute.MirroredStrategy() if many else tf.distribute.get_strategy()
        with strategy.scope():
            yield device
    finally:
        keras.mixed_precision.set_global_policy(before)
