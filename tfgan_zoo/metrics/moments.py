"""Mean and covariance of features, accumulated chunk by chunk."""

import numpy as np

CHUNK = 1024  # rows that are held in float64 at once


def check_rows(argument: str, rows) -> np.ndarray:
    """Returns `rows` as an array of finite numbers [rows, columns], or raises ValueError."""
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(
            f"`{argument}` must be an array [samples, dimensions]: flatten or pool it first. "
            f"Received: shape {rows.shape}."
        )
    bad = np.count_nonzero(~np.isfinite(rows))
    if bad:
        raise ValueError(
            f"`{argument}` must be finite: look for the samples that make its network overflow. "
            f"Received: {bad} of {rows.size} values NaN or infinite."
        )
    return rows


def check_pair(real_name: str, real, fake_name: str, fake) -> tuple[np.ndarray, np.ndarray]:
    """Returns both as `check_rows` does; raises ValueError also if their columns differ."""
    real, fake = check_rows(real_name, real), check_rows(fake_name, fake)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(
            f"`{real_name}` and `{fake_name}` must have the same dimensions, from the same network."
            f" Received: {real.shape[1]} and {fake.shape[1]} dimensions."
        )
    return real, fake


class Moments:
    """Count, mean and covariance, in float64, of feature rows that arrive in pieces.

    Rows are taken relative to the first one, and every chunk is centred on its own mean before it
    is squared, so large means cost no digits. Memory does not grow with the number of rows. Order
    and size of the pieces change the results by round-off only.
    Reference: Chan, Golub, LeVeque, 1983, "Algorithms for Computing the Sample Variance", eq. 2.1.
    """

    def __init__(self):
        self.count = 0
        self._origin = None  # the first row
        self._mean = None  # relative to the origin
        self._scatter = None  # sum over the rows of (row - mean)(row - mean)^T

    def update(self, features) -> None:
        """Adds the rows of `features`.

        Args:
            features: array [samples, dimensions] of any real dtype, finite. The first call sets
                the number of dimensions.

        Raises:
            ValueError: if it has another rank or width, or is not finite. Nothing is added then.
        """
        features = check_rows("features", features)
        if self.count == 0:
            self._mean = np.zeros(features.shape[1])
            self._scatter = np.zeros((features.shape[1],) * 2)
        if features.shape[1] != len(self._mean):
            raise ValueError(
                f"`features` must have {len(self._mean)} dimensions, like those before; other "
                f"features need another Moments. Received: shape {features.shape}."
            )
        for start in range(0, len(features), CHUNK):
            self._add(features[start : start + CHUNK].astype(np.float64))

    def _add(self, chunk: np.ndarray) -> None:
        if self.count == 0:
            self._origin = chunk[0].copy()
        chunk = chunk - self._origin
        mean = chunk.mean(axis=0)
        centred = chunk - mean
        shift = mean - self._mean
        share = len(chunk) / (self.count + len(chunk))
        self._scatter += centred.T @ centred
        self._scatter += np.outer(shift, shift) * (self.count * share)
        self._mean += shift * share
        self.count += len(chunk)

    @property
    def mean(self) -> np.ndarray:
        """Mean [dimensions] of all rows; ValueError before the first."""
        self._require(1)
        return self._origin + self._mean

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance [dimensions, dimensions]; ValueError below two rows."""
        self._require(2)
        return self._scatter / (self.count - 1)

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that is accumulated, as arrays for `from_state`; ValueError if nothing.

        {"count": int64 [], "origin": [dimensions], "mean": [dimensions], relative to the origin,
        "scatter": [dimensions, dimensions]}, float64.
        """
        self._require(1)
        arrays = {"origin": self._origin, "mean": self._mean, "scatter": self._scatter}
        return {"count": np.int64(self.count)} | {key: x.copy() for key, x in arrays.items()}

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> "Moments":
        """Returns the Moments that `state` was taken of; rows can be added to them.

        Raises:
            ValueError: if these are not such arrays.
        """
        shapes = {name: np.shape(state.get(name)) for name in ("origin", "mean", "scatter")}
        size = np.size(state.get("origin"))
        right = {"origin": (size,), "mean": (size,), "scatter": (size, size)}
        count = np.asarray(state.get("count", 0))
        arrays = [np.asarray(state.get(name)) for name in right]
        floats = all(x.dtype == np.float64 and np.isfinite(x).all() for x in arrays)
        if (
            count.shape
            or count.dtype.kind not in "iu"
            or count < 1
            or shapes != right
            or not floats
        ):
            raise ValueError(
                "`state` must be what Moments.state returns: a count of 1 or more, and finite "
                f"float64 arrays of one width. Received: count={count}, shapes {shapes}."
            )
        moments = cls()
        moments.count = int(count)
        moments._origin, moments._mean, moments._scatter = (x.copy() for x in arrays)
        return moments

    def _require(self, rows: int) -> None:
        if self.count < rows:
            raise ValueError(
                f"Moments must hold {rows} or more samples here: call `update` with more features "
                f"first. Received: {self.count}."
            )
