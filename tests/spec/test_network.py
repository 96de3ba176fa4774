"""Networks: sizes against DESIGN.md's figures, and refusals."""

import pytest

from crosswall.spec.build import Build, WallMemory
from crosswall.spec.network import Encoding, feature_groups, receptive_fields, whole_image


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
])
def test_builds_that_cannot_compute_the_network_are_refused(build, named):
    with pytest.raises(ValueError, match=named):
        build.check_fits(mnist_fields())


def test_variants_need_static_spread():
    with pytest.raises(ValueError, match="needs `static_spread`"):
        Build(16, 20, WallMemory.BLOCK, static_spread=False).check_fits(
            mnist_fields(variant_bits=1))


def test_scores_wider_than_their_field_are_refused():
    with pytest.raises(ValueError, match="at most 32 bits: got 35"):
        receptive_fields(90, 90, 2, 1024, field=2, stride=1, regions=60, feature_bits=4)


def test_feature_groups_cover_every_feature_and_vote_for_their_own_region():
    network = feature_groups(13, 3, 8, group=4, step=4, lines=2)
    assert network.pixels == 26 and network.lines == network.fan_in == 8
    assert network.origin == (0, 8, 16, 18)
    assert network.crossbar == network.region == (0, 1, 2, 3)
    assert feature_groups(13, 3, 8, group=4, step=4, shared=True).crossbars == 1
    assert feature_groups(4, 3, 8, group=4, step=1).origin == (0,)


@pytest.mark.parametrize(("group", "step"), [(0, 1), (14, 1), (4, 0), (4, 5)])
def test_feature_groups_refuse_what_leaves_features_out(group, step):
    with pytest.raises(ValueError, match="`group`|`step`"):
        feature_groups(13, 3, 8, group=group, step=step)
