"""Networks: importing this registers every class, so that `keras.models.load_model` finds it."""

from tfgan_zoo.models import biggan as biggan
from tfgan_zoo.models import biggan_deep as biggan_deep
from tfgan_zoo.models import cgan_mlp as cgan_mlp
from tfgan_zoo.models import dave as dave
from tfgan_zoo.models import dcgan as dcgan
from tfgan_zoo.models import draw as draw
from tfgan_zoo.models import gran as gran
from tfgan_zoo.models import mlp as mlp
from tfgan_zoo.models import pggan as pggan
from tfgan_zoo.models import resnet as resnet
from tfgan_zoo.models import sharing as sharing
