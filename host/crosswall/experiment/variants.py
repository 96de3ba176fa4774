"""How many of its source's devices a stage is made of.

Each synapse is one of the network's variants, drawn by its address, and each variant is one of the
devices of a folder of tables: variant ``v`` is device ``v`` modulo their number. There are as many
variants as a power of two says, which is what a board is built for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from crosswall.device import DeviceModel
from crosswall.errors import DeviceError
from crosswall.spec.network import MAX_VARIANT_BITS

Variants = int | Literal["all"]
"""How many variants there are to be: a power of two, or as many as hold all devices."""

COUNTS = tuple(1 << bits for bits in range(MAX_VARIANT_BITS + 1))
"""How many variants a network can have."""


def bits_for(devices: int) -> int:
    """The least variants, as a power of two, that hold so many devices; at most what a network
    can have."""
    return min((devices - 1).bit_length(), MAX_VARIANT_BITS)


def with_variants(formats: Mapping[str, Any], variants: Variants) -> dict[str, Any]:
    """The values of ``[formats]`` with another number of variants."""
    others = {key: value for key, value in formats.items() if key != "variant_bits"}
    return others if variants == "all" else others | {"variant_bits": bits_for(variants)}


def check_all_used(models: Sequence[DeviceModel]) -> None:
    """Raise DeviceError if a network has too few variants for all devices."""
    left_out = max(model.left_out for model in models)
    if left_out:
        raise DeviceError(f"--variants all: the device has {COUNTS[-1] + left_out} devices, a "
                          f"network {COUNTS[-1]} variants at most; choose which with `devices` in "
                          f"a device file")


def notices(models: Sequence[DeviceModel], variants: int) -> list[str]:
    """What a user should know of the devices that a network with so many variants is made of: a
    line each."""
    lines = [line for model in models for line in (
        *model.notices(), *_used(model, variants), *_uneven(model, variants))]
    return list(dict.fromkeys(lines))


def _used(model: DeviceModel, variants: int) -> list[str]:
    if model.left_out:
        remedy = "--variants all takes all" if variants < COUNTS[-1] else \
            "no board has more variants; choose which with `devices` in a device file"
        return [f"device {model.name}: only the first {model.devices} of its "
                f"{model.devices + model.left_out} devices are used; {remedy}"
                if model.devices > 1 else
                f"device {model.name}: only the first of its {1 + model.left_out} devices is "
                f"used; {remedy}"]
    if model.devices > 1:
        return [f"device {model.name}: each synapse is one of its {model.devices} devices"]
    return []


def _uneven(model: DeviceModel, variants: int) -> list[str]:
    """A notice if some devices stand for more synapses than others."""
    share, more = divmod(variants, model.devices)
    if not more:
        return []
    remedy = "" if variants == COUNTS[-1] else \
        f"; --variants {COUNTS[-1]} comes nearer to equal shares"
    return [f"device {model.name}: {model.devices} devices share {variants} variants, so that each "
            f"of the first {more} is drawn {share + 1} times for {share} of each other{remedy}"]
