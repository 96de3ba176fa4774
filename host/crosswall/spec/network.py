"""What the machine computes: geometry, encoding and widths of one network.

A :class:`Network` fixes every integer width and every table (which pixels feed
which lines, which crossbar a position uses, which region it votes for). Twin
and gateware are both built from it. How a board computes it (lanes, buffers)
is :class:`crosswall.spec.build.Build` and never changes a result.
"""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from .draws import PLACE_BITS
from .race import STEP_BITS


class Encoding(enum.IntEnum):
    """How the pixels of a position become the codes of input lines."""

    INTENSITY = 0
    """Line ``k`` carries pixel ``k``."""
    CONTRAST = 1
    """Line ``k`` carries what pixel ``k`` exceeds the position's mean by (ON),
    line ``fan_in + k`` what it falls short of it by (OFF)."""


class Neuron(enum.StrEnum):
    """How the neurons of a position compete."""

    ARGMAX = "argmax"
    """The largest activations win."""
    RACE = "race"
    """Their walls race to a firing threshold (:mod:`crosswall.spec.race`)."""


CONDUCTANCE_BITS = 8
"""Width of a conductance as the crossbar reads it: 0 is the lowest, 255 the highest."""

PIXEL_BITS = 8
"""Width of one input value of a sample."""

MAX_VARIANT_BITS = 4
"""Most device variants, as a power of two."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _require_range(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"`{name}` must be an integer, not {value!r}")
    _require(low <= value <= high, f"`{name}` must be {low} to {high}: got {value}")


@dataclass(frozen=True)
class Network:
    """Geometry and integer formats of one learning machine.

    Parameters
    ----------
    pixels
        Input values of one sample, 1 to 65535 bytes.
    classes
        Neurons of the read-out, 2 to 64.
    neurons
        Neurons of one clustering crossbar, 2 to 1024.
    offset
        ``fan_in`` pixel offsets of a receptive field (distinct).
    origin
        For each position the pixel that ``offset`` counts from.
    crossbar
        For each position the crossbar that it uses; numbered from 0.
    region
        For each position the region that its winners vote for; numbered from 0.
    encoding
        See :class:`Encoding`.
    code_bits
        Width of an input code: 1, 2, 4 or 8.
    winners
        Neurons of a position that become features, 1 to 8.
    feature_bits
        Width of the saturating feature counters, 1 to 8.
    wall_bits
        Width of a wall position, 8 to 16.
    threshold_bits
        Width of an adaptive threshold, 8 to 31.
    bin_bits, quantile_bits, variant_bits
        Shape of the device table: wall bins, equiprobable quantiles of the
        step's distribution, and device variants, as powers of two.
    neuron
        See :class:`Neuron`.
    labelled_neurons
        Whether every neuron of a crossbar stands for a class (:meth:`neuron_class`), so that labels
        can guide and refine clustering. Needs a neuron for each class.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, its value and what was expected.
    """

    pixels: int
    classes: int
    neurons: int
    offset: tuple[int, ...]
    origin: tuple[int, ...]
    crossbar: tuple[int, ...]
    region: tuple[int, ...]
    encoding: Encoding = Encoding.CONTRAST
    code_bits: int = 4
    winners: int = 4
    feature_bits: int = 4
    wall_bits: int = 12
    threshold_bits: int = 22
    bin_bits: int = 5
    quantile_bits: int = 4
    variant_bits: int = 0
    neuron: Neuron = Neuron.ARGMAX
    labelled_neurons: bool = False

    def __post_init__(self) -> None:
        _require_range("pixels", self.pixels, 1, 65535)
        _require_range("classes", self.classes, 2, 64)
        _require_range("neurons", self.neurons, 2, 1024)
        _require_range("winners", self.winners, 1, min(8, self.neurons))
        _require_range("feature_bits", self.feature_bits, 1, 8)
        _require_range("wall_bits", self.wall_bits, 8, 16)
        _require_range("threshold_bits", self.threshold_bits, 8, 31)
        _require_range("bin_bits", self.bin_bits, 0, 8)
        _require_range("quantile_bits", self.quantile_bits, 0, 7)
        _require_range("variant_bits", self.variant_bits, 0, MAX_VARIANT_BITS)
        _require(self.code_bits in (1, 2, 4, 8), f"`code_bits` must be 1, 2, 4 or 8: "
                                                 f"got {self.code_bits}")
        _require(self.winners < 1 << self.feature_bits,
                 f"`winners` must fit a feature counter of {self.feature_bits} bits: "
                 f"got {self.winners}")
        _require(not self.labelled_neurons or self.neurons >= self.classes,
                 f"labelled neurons must be at least one for each of the {self.classes} classes: "
                 f"got {self.neurons}")
        _require(len(self.offset) >= 1, "`offset` must name at least one pixel")
        _require(len(set(self.offset)) == len(self.offset), "`offset` must not repeat a pixel")
        _require(len(self.origin) >= 1, "`origin` must name at least one position")
        for name in ("crossbar", "region"):
            table = getattr(self, name)
            _require(len(table) == len(self.origin),
                     f"`{name}` must have one entry for each of the {len(self.origin)} "
                     f"positions: got {len(table)}")
            _require(set(table) == set(range(max(table) + 1)),
                     f"`{name}` must number its entries from 0 without gaps")
        _require(min(self.offset) >= 0 and min(self.origin) >= 0
                 and max(self.offset) + max(self.origin) < self.pixels,
                 f"`origin` + `offset` must stay within the {self.pixels} pixels of a sample")
        _require(self.score_bits <= 32,
                 f"{self.features} features of {self.feature_bits} bits must give scores of at "
                 f"most 32 bits: got {self.score_bits}; use fewer regions or neurons")
        _require(self.neuron != Neuron.RACE
                 or self.positions * self.neurons <= 1 << PLACE_BITS - STEP_BITS,
                 f"racing neurons must be at most {1 << PLACE_BITS - STEP_BITS} at all positions "
                 f"together, for draws of their own: got {self.positions} × {self.neurons}")

    @property
    def fan_in(self) -> int:
        """Pixels of a receptive field."""
        return len(self.offset)

    @property
    def lines(self) -> int:
        """Input lines of one clustering crossbar."""
        return self.fan_in * (2 if self.encoding == Encoding.CONTRAST else 1)

    @property
    def positions(self) -> int:
        """Receptive fields of one sample."""
        return len(self.origin)

    @property
    def crossbars(self) -> int:
        """Clustering crossbars."""
        return max(self.crossbar) + 1

    @property
    def regions(self) -> int:
        """Regions that features are counted in."""
        return max(self.region) + 1

    @property
    def features(self) -> int:
        """Features of one sample = input lines of the read-out crossbar."""
        return self.regions * self.neurons

    @property
    def clustering_synapses(self) -> int:
        """Synapses of all clustering crossbars."""
        return self.crossbars * self.lines * self.neurons

    @property
    def readout_synapses(self) -> int:
        """Synapses of the read-out crossbar: a pair for each feature and class."""
        return self.features * self.classes * 2

    @property
    def synapses(self) -> int:
        """Synapses of the whole machine."""
        return self.clustering_synapses + self.readout_synapses

    @property
    def feature_max(self) -> int:
        """Value at which a feature counter saturates."""
        return (1 << self.feature_bits) - 1

    @property
    def wall_max(self) -> int:
        """Highest wall position."""
        return (1 << self.wall_bits) - 1

    @property
    def threshold_max(self) -> int:
        """Highest adaptive threshold."""
        return (1 << self.threshold_bits) - 1

    @property
    def conductance_shift(self) -> int:
        """Conductance = wall position shifted right by this."""
        return self.wall_bits - CONDUCTANCE_BITS

    @property
    def current_max(self) -> int:
        """Largest current of a clustering neuron."""
        return self.fan_in * ((1 << self.code_bits) - 1) * 255

    @property
    def current_bits(self) -> int:
        """Width of a clustering neuron's current (unsigned)."""
        return self.current_max.bit_length()

    @property
    def activation_bits(self) -> int:
        """Width of a current less a threshold (signed)."""
        return max(self.current_bits, self.threshold_bits) + 1

    @property
    def race_bits(self) -> int:
        """Width of a racing neuron's wall (signed)."""
        return self.activation_bits + STEP_BITS

    @property
    def score_bits(self) -> int:
        """Width of a read-out score (signed)."""
        return (self.features * self.feature_max * 255).bit_length() + 1

    def neuron_class(self, neuron: int) -> int:
        """The class that a labelled neuron stands for."""
        return neuron % self.classes

    def as_dict(self) -> dict[str, Any]:
        """The parameters as plain values, for reports and for the build's digest."""
        return asdict(self)

    def digest(self) -> int:
        """32-bit fingerprint of all parameters; a board reports it as ``network_digest``."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def whole_image(pixels: int, classes: int, neurons: int, **formats: Any) -> Network:
    """Geometry W: one crossbar whose lines are all inputs; the winner is the cluster."""
    formats.setdefault("encoding", Encoding.INTENSITY)
    return Network(pixels=pixels, classes=classes, neurons=neurons, offset=tuple(range(pixels)),
                   origin=(0,), crossbar=(0,), region=(0,), **formats)


def receptive_fields(height: int, width: int, classes: int, neurons: int, *, field: int,
                     stride: int, regions: int, shared: bool = True, **formats: Any) -> Network:
    """Geometry S (or U with ``shared=False``): square receptive fields over an image.

    Parameters
    ----------
    height, width
        Image shape in pixels, row by row.
    field, stride
        Side of a receptive field and step between fields, in pixels.
    regions
        Regions along each side of the image; a field belongs to the region of
        its place among the fields: ``row * regions // rows``.
    shared
        True: all fields share one crossbar (S). False: a crossbar each (U).
    """
    _require_range("field", field, 1, min(height, width))
    _require_range("stride", stride, 1, max(height, width))
    rows = (height - field) // stride + 1
    columns = (width - field) // stride + 1
    _require_range("regions", regions, 1, min(rows, columns))
    places = [(row, column) for row in range(rows) for column in range(columns)]
    return Network(
        pixels=height * width, classes=classes, neurons=neurons,
        offset=tuple(y * width + x for y in range(field) for x in range(field)),
        origin=tuple(row * stride * width + column * stride for row, column in places),
        crossbar=tuple(0 if shared else index for index in range(len(places))),
        region=tuple(row * regions // rows * regions + column * regions // columns
                     for row, column in places),
        **formats)


def feature_groups(features: int, classes: int, neurons: int, *, group: int, step: int,
                   lines: int = 1, shared: bool = False, **formats: Any) -> Network:
    """Geometry U (or S with ``shared=True``) over the features of a table: one position for each
    group of neighbouring features, with a region of its own.

    Parameters
    ----------
    features
        Features of a sample.
    group, step
        Features of a group, and from one group to the next. The last group ends with the last
        feature, so that none is left out.
    lines
        Input values of each feature, beside each other.
    shared
        True: all groups share one crossbar (S). False: a crossbar each (U).
    """
    _require_range("group", group, 1, features)
    _require_range("step", step, 1, group)
    starts = [*range(0, features - group, step), features - group]
    places = tuple(range(len(starts)))
    formats.setdefault("encoding", Encoding.INTENSITY)
    return Network(
        pixels=features * lines, classes=classes, neurons=neurons,
        offset=tuple(range(group * lines)), origin=tuple(start * lines for start in starts),
        crossbar=(0,) * len(starts) if shared else places, region=places, **formats)
