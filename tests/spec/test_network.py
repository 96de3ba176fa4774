"""Networks: geometry and widths worked out by hand, and refusals."""

import hashlib
import json
from dataclasses import replace

import pytest

from crosswall.spec.build import Build, WallMemory
from crosswall.spec.network import (
    Encoding,
    Network,
    Neuron,
    feature_groups,
    receptive_fields,
    whole_image,
)


def mnist_fields(**changes):
    return receptive_fields(28, 28, 10, 64, field=5, stride=2, regions=4, **changes)


def test_shared_fields_on_mnist_have_the_published_size():
    network = mnist_fields()
    assert (network.positions, network.lines, network.features) == (144, 50, 1024)
    assert network.synapses == 23680
    assert network.crossbars == 1
    assert network.current_bits == 17


def test_unshared_fields_have_a_crossbar_per_position():
    network = mnist_fields(shared=False)
    assert network.crossbars == 144
    assert network.clustering_synapses == 144 * 50 * 64


def test_whole_image_has_one_position_and_all_lines():
    network = whole_image(784, 10, 256)
    assert (network.positions, network.lines, network.fan_in) == (1, 784, 784)
    assert network.encoding is Encoding.INTENSITY


def test_fields_lie_row_by_row_a_stride_apart_and_vote_for_the_region_they_are_in():
    # 4 × 7 pixels: 2 rows of 3 fields, from pixel (2·row)·7 + 2·column; columns 0 and 1 are left.
    wide = receptive_fields(4, 7, 2, 4, field=2, stride=2, regions=2)
    assert wide.pixels == 28
    assert wide.offset == (0, 1, 7, 8)
    assert wide.origin == (0, 2, 4, 14, 16, 18)
    assert wide.region == (0, 0, 1, 2, 2, 3)
    assert wide.crossbar == (0, 0, 0, 0, 0, 0)
    # 7 × 4 pixels: 3 rows of 2 fields; rows 0 and 1 are above.
    high = receptive_fields(7, 4, 2, 4, field=2, stride=2, regions=2, shared=False)
    assert high.offset == (0, 1, 4, 5)
    assert high.origin == (0, 2, 8, 10, 16, 18)
    assert high.region == (0, 1, 0, 1, 2, 3)
    assert high.crossbar == (0, 1, 2, 3, 4, 5)
    # A field of the whole height, a stride of 1.
    assert receptive_fields(2, 4, 2, 4, field=2, stride=1, regions=1).origin == (0, 1, 2)


def test_widths_of_the_mnist_machine():
    network = mnist_fields()
    assert (network.encoding, network.neuron) == (Encoding.CONTRAST, Neuron.ARGMAX)
    assert (network.winners, network.bin_bits, network.quantile_bits, network.variant_bits) \
        == (4, 5, 4, 0)
    assert network.feature_max == 15 and network.wall_max == 4095
    assert network.threshold_max == 4_194_303 and network.conductance_shift == 4
    assert network.current_max == 25 * 15 * 255 == 95_625  # a pixel drives one of its two lines
    assert network.activation_bits == 23  # 22 bits of threshold and a sign
    assert network.race_bits == 31  # 255 steps of it
    assert network.score_bits == 23  # ± 1024 · 15 · 255 = 3,916,800
    assert network.clustering_synapses == 3_200 and network.readout_synapses == 20_480
    assert [network.neuron_class(neuron) for neuron in (0, 9, 10, 63)] == [0, 9, 0, 3]
    assert whole_image(784, 10, 256).activation_bits == 23  # 784 · 15 · 255 has 22 bits
    assert whole_image(784, 10, 256, threshold_bits=20, code_bits=8).activation_bits == 27


def test_the_digest_is_the_start_of_a_hash_of_all_parameters():
    network = whole_image(4, 2, 3, winners=1)
    parameters = {
        "pixels": 4, "classes": 2, "neurons": 3, "offset": [0, 1, 2, 3], "origin": [0],
        "crossbar": [0], "region": [0], "encoding": 0, "code_bits": 4, "winners": 1,
        "feature_bits": 4, "wall_bits": 12, "threshold_bits": 22, "bin_bits": 5,
        "quantile_bits": 4, "variant_bits": 0, "neuron": "argmax", "labelled_neurons": False}
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
    assert network.digest().to_bytes(4, "little").hex() == digest[:8]


SMALL = Network(pixels=9, classes=2, neurons=8, offset=(0,), origin=(0,), crossbar=(0,),
                region=(0,), winners=1)


@pytest.mark.parametrize(("name", "low", "high"), [
    ("pixels", 1, 65535), ("classes", 2, 64), ("neurons", 2, 1024), ("winners", 1, 8),
    ("feature_bits", 1, 8), ("wall_bits", 8, 16), ("threshold_bits", 8, 31), ("bin_bits", 0, 8),
    ("quantile_bits", 0, 7), ("variant_bits", 0, 4)])
def test_parameters_are_taken_up_to_their_limits(name, low, high):
    for value in (low, high):
        assert getattr(replace(SMALL, **{name: value}), name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=f"`{name}` must be {low} to {high}: got {value}"):
            replace(SMALL, **{name: value})


@pytest.mark.parametrize(("changes", "named"), [
    ({"offset": ()}, "`offset` must name at least one pixel"),
    ({"offset": (1, 1)}, "`offset` must not repeat a pixel"),
    ({"offset": (-1,)}, "must stay within the 9 pixels"),
    ({"offset": (0, 9)}, "must stay within the 9 pixels"),
    ({"origin": (), "crossbar": (), "region": ()}, "`origin` must name at least one position"),
    ({"origin": (9,)}, "must stay within the 9 pixels"),
    ({"offset": (0, 4), "origin": (5,)}, "must stay within the 9 pixels"),
    ({"offset": (1,), "origin": (-1,)}, "must stay within the 9 pixels"),
    ({"crossbar": (0, 0)}, "`crossbar` must have one entry for each of the 1 positions: got 2"),
    ({"region": (1,)}, "`region` must number its entries from 0 without gaps"),
    ({"winners": 2, "feature_bits": 1}, "`winners` must fit a feature counter of 1 bits: got 2"),
    ({"classes": 9, "labelled_neurons": True}, "at least one for each of the 9 classes: got 8"),
])
def test_tables_that_contradict_each_other_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        replace(SMALL, **changes)


def test_tables_that_just_fit_are_taken():
    assert replace(SMALL, offset=(0, 3), origin=(5,)).fan_in == 2
    assert replace(SMALL, winners=3, feature_bits=2).feature_max == 3
    assert replace(SMALL, classes=8, labelled_neurons=True).neuron_class(7) == 7
    with pytest.raises(TypeError, match="`neurons` must be an integer, not True"):
        replace(SMALL, neurons=True)


def test_digest_changes_with_every_parameter():
    digests = {mnist_fields(**changes).digest() for changes in (
        {}, {"winners": 3}, {"wall_bits": 10}, {"threshold_bits": 18}, {"feature_bits": 5},
        {"code_bits": 2}, {"bin_bits": 4}, {"quantile_bits": 5}, {"variant_bits": 1},
        {"encoding": Encoding.INTENSITY}, {"shared": False})}
    assert len(digests) == 11


@pytest.mark.parametrize(("changes", "named"), [
    ({"wall_bits": 7}, "`wall_bits` must be 8 to 16: got 7"),
    ({"wall_bits": 17}, "`wall_bits` must be 8 to 16: got 17"),
    ({"code_bits": 3}, "`code_bits` must be 1, 2, 4 or 8: got 3"),
    ({"winners": 0}, "`winners` must be 1 to 8: got 0"),
    ({"winners": 4, "feature_bits": 2}, "`winners` must fit a feature counter of 2 bits: got 4"),
])
def test_wrong_formats_are_refused_by_name(changes, named):
    with pytest.raises(ValueError, match=named.replace("(", r"\(")):
        mnist_fields(**changes)


def test_fields_larger_than_the_image_are_refused():
    with pytest.raises(ValueError, match="`field` must be 1 to 28: got 29"):
        receptive_fields(28, 28, 10, 64, field=29, stride=1, regions=1)


@pytest.mark.parametrize(("build", "named"), [
    (Build(48, 20), "`lanes` must be a power of two that divides the 64 neurons: got 48"),
    (Build(128, 20), "`lanes` must be a power of two that divides the 64 neurons: got 128"),
    (Build(16, 5), "`readout_lanes` must be even and divide"),
    (Build(16, 20, slots=3), "`slots` must be a power of two"),
    (Build(64, 20, positions=65), "`positions` must be 1 to 64: got 65"),
    (Build(16, 20, positions=2), "`positions` above 1 needs as many lanes as neurons"),
    (Build(16, 20, compact=True, overlap=True), "`overlap` and `compact` exclude each other"),
    (Build(0, 20), "`lanes` must be a power of two"),
    (Build(16, 0), "`readout_lanes` must be even"),
    (Build(16, 8), r"`readout_lanes` must be even and divide 2 × 10 classes: got 8"),
    (Build(16, 20, slots=1), "`slots` must be a power of two, 2 to 64: got 1"),
    (Build(16, 20, slots=128), "`slots` must be a power of two, 2 to 64: got 128"),
    (Build(16, 20, positions=0), "`positions` must be 1 to 64: got 0"),
    (Build(64, 20, positions=2, compact=True), "`positions` above 1 needs"),
    (Build(16, 20, store=512, packed=True), "a power of two from 1024 to 268435456 bytes: got 512"),
    (Build(16, 20, store=3072, packed=True), "a power of two from 1024 .* got 3072"),
    (Build(16, 20, store=1 << 29, packed=True), "to 268435456 bytes: got 536870912"),
    (Build(16, 20, store=1024), "`store` needs `packed`"),
])
def test_builds_that_cannot_compute_the_network_are_refused(build, named):
    with pytest.raises(ValueError, match=named):
        build.check_fits(mnist_fields())


@pytest.mark.parametrize("build", [
    Build(1, 2), Build(64, 20, slots=2), Build(64, 4, slots=64, positions=64),
    Build(16, 20, overlap=True), Build(16, 20, compact=True),
    Build(16, 20, store=1024, packed=True), Build(16, 20, store=1 << 28, packed=True)])
def test_builds_at_their_limits_can_compute_the_network(build):
    build.check_fits(mnist_fields())


@pytest.mark.parametrize("changes", [
    {"shared": False}, {"neuron": Neuron.RACE}, {"labelled_neurons": True}])
def test_positions_side_by_side_share_one_crossbar_of_plain_neurons(changes):
    with pytest.raises(ValueError, match="`positions` above 1 needs"):
        Build(64, 20, positions=2).check_fits(mnist_fields(**changes))


def test_what_a_build_says_of_itself():
    build = Build(16, 4, WallMemory.SINGLE_PORT, static_spread=False, slots=8, packed=True,
                  store=1 << 20)
    assert build.options == {
        "slots": 8, "static_spread": False, "single_port": True, "compact": False,
        "overlap": False, "positions": 1, "packed": True, "store": 20}
    assert Build(16, 4).options["store"] == 0 and not Build(16, 4).options["packed"]
    assert Build(16, 4) == Build(16, 4, WallMemory.BLOCK, static_spread=True, compact=False,
                                 slots=4, positions=1, overlap=False, packed=False, store=0)
    assert build.groups(mnist_fields()) == 4 and build.readout_groups(mnist_fields()) == 5
    assert [replace(build, **options).pixels_at_once for options in (
        {}, {"compact": True}, {"packed": False})] == [4, 1, 1]
    assert [replace(build, **options).spares_block_ram for options in (
        {}, {"compact": True}, {"compact": True, "readout_memory": WallMemory.BLOCK})] == [
            False, True, False]


def test_variants_need_static_spread():
    with pytest.raises(ValueError, match="needs `static_spread`"):
        Build(16, 20, WallMemory.BLOCK, static_spread=False).check_fits(
            mnist_fields(variant_bits=1))


def test_scores_of_32_bits_are_taken_and_of_33_refused():
    # 255 · 255 · 8 neurons need 19 bits and a sign for a region; 2^31 / that are 4128.3 regions.
    def regions(count: int) -> Network:
        return Network(pixels=count, classes=2, neurons=8, offset=(0,), origin=tuple(range(count)),
                       crossbar=(0,) * count, region=tuple(range(count)), feature_bits=8)

    assert regions(4128).score_bits == 32
    with pytest.raises(ValueError, match="at most 32 bits: got 33"):
        regions(4129)


def test_scores_wider_than_their_field_are_refused():
    with pytest.raises(ValueError, match="at most 32 bits: got 35"):
        receptive_fields(90, 90, 2, 1024, field=2, stride=1, regions=60, feature_bits=4)


def test_racing_neurons_have_draws_of_their_own_up_to_2_to_the_20():
    racing = replace(SMALL, neurons=1024, neuron=Neuron.RACE, pixels=1025,
                     origin=tuple(range(1024)), crossbar=(0,) * 1024, region=(0,) * 1024)
    assert racing.positions * racing.neurons == 1 << 20
    with pytest.raises(ValueError, match="at most 1048576 at all positions together"):
        replace(racing, origin=tuple(range(1025)), crossbar=(0,) * 1025, region=(0,) * 1025)


def test_feature_groups_cover_every_feature_and_vote_for_their_own_region():
    network = feature_groups(13, 3, 8, group=4, step=4, lines=2)
    assert network.pixels == 26 and network.lines == network.fan_in == 8
    assert network.origin == (0, 8, 16, 18)
    assert network.crossbar == network.region == (0, 1, 2, 3)
    assert feature_groups(13, 3, 8, group=4, step=3, lines=2).origin == (0, 6, 12, 18)
    assert feature_groups(13, 3, 8, group=4, step=3, lines=2).offset == tuple(range(8))
    assert feature_groups(13, 3, 8, group=4, step=2).origin == (0, 2, 4, 6, 8, 9)
    assert feature_groups(13, 3, 8, group=4, step=4, shared=True).crossbars == 1
    assert feature_groups(13, 3, 8, group=4, step=4).encoding is Encoding.INTENSITY
    assert feature_groups(13, 3, 8, group=13, step=1).origin == (0,)
    assert feature_groups(4, 3, 8, group=4, step=1).origin == (0,)


@pytest.mark.parametrize(("group", "step"), [(0, 1), (14, 1), (4, 0), (4, 5), (9, 10)])
def test_feature_groups_refuse_what_leaves_features_out(group, step):
    with pytest.raises(ValueError, match="`group`|`step`"):
        feature_groups(13, 3, 8, group=group, step=step)
