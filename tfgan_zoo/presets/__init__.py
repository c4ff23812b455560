"""Trained generators in folders, with everything that one should know about them.

    generator = tfgan_zoo.from_preset("biggan-digits")

`from_preset` takes the name of a generator that comes with the package, a folder, or an address
(hf://user/name, gs://...). `writing.save_to_preset` makes such folders, and the command
`python -m tfgan_zoo.presets` lists, shows, checks and uploads them.
"""

from tfgan_zoo.presets.description import Description as Description
from tfgan_zoo.presets.reading import describe as describe
from tfgan_zoo.presets.reading import from_preset as from_preset
from tfgan_zoo.presets.reading import names as names
