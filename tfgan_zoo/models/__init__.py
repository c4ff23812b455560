"""Networks: importing this registers every class, so that `keras.models.load_model` finds it."""

from tfgan_zoo.models import biggan as biggan
from tfgan_zoo.models import biggan_deep as biggan_deep
