"""Steps before which the discriminator plays alone, until it is up to the generator again."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class CatchUp:
    """Rounds of the discriminator alone before each of the first steps, and now and then later.

    A round has as many updates and images as the discriminator's part of a step, which comes after
    it. Steps count from 0.
    Reference: Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875, as in their code, where 19
    rounds and a step have 5 updates each: 100 in all.

    Raises:
        ValueError: If a number makes no sense.
    """

    rounds: int  # before each of these steps:
    first: int = 25  # so many at the beginning,
    every: int = 500  # and those whose number is a multiple of this

    def __post_init__(self):
        if self.rounds < 0 or self.first < 0 or self.every < 1:
            raise ValueError(
                "`rounds` and `first` must be at least 0, and `every` at least 1. Received: "
                f"rounds={self.rounds}, first={self.first}, every={self.every}."
            )

    def due(self, step: int) -> int:
        """Rounds before this step."""
        return self.rounds if step < self.first or step % self.every == 0 else 0

    def before(self, step: int) -> int:
        """Rounds before all steps below this one, together."""
        later = range(-(-self.first // self.every) * self.every, step, self.every)
        return self.rounds * (min(self.first, step) + len(later))
