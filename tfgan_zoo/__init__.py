"""A zoo of GANs for Keras and TensorFlow.

Importing it registers the networks and their layers with Keras, and needs nothing but Keras:
`keras.models.load_model` then reads saved generators on every backend, and `from_preset` those that
come with the package.
"""

from tfgan_zoo import models as models
from tfgan_zoo.presets import from_preset as from_preset

__version__ = "0.1.0"
