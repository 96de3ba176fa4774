"""Schedules: which sample comes when, and what its header asks for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.errors import ExperimentError
from crosswall.experiment.config import (
    ClusterPhase,
    EvaluatePhase,
    OnlinePhase,
    RefinePhase,
    TeachPhase,
)
from crosswall.experiment.pulses import PulseScale
from crosswall.experiment.schedule import (
    TEST,
    UNPERMUTED,
    balanced,
    make_schedule,
    rehearsal_buffer,
    share,
    steps,
    subset,
)
from crosswall.spec.sample import UNLABELLED, Flag

TRAIN_LABELS = np.arange(30) % 3
TEST_LABELS = np.arange(12) % 3
LEARN_BOTH = {"kind": "online", "clustering": {"pulse_lengths": [4]},
              "readout": {"gate_shifts": [1, 3]}}
PHASES = [
    ClusterPhase(kind="cluster", samples=20, pulse_lengths=[16, 8, 4, 2]),
    TeachPhase(kind="teach", passes=2, gate_shifts=[2, 5], boundaries=[0.25]),
    OnlinePhase(**LEARN_BOTH),
    EvaluatePhase(kind="evaluate"),
]


def schedule(phases=PHASES, **options):
    return make_schedule(phases, TRAIN_LABELS, TEST_LABELS, **{"order_seed": 5, **options})


def test_phases_follow_each_other_and_samples_are_numbered():
    plan = schedule()
    assert [(span.kind, span.start, span.stop) for span in plan.spans] == [
        ("cluster", 0, 20), ("teach", 20, 80), ("online", 80, 110), ("evaluate", 110, 122)]
    assert plan.headers.numbers.tolist() == list(range(122))


def test_flags_say_what_each_phase_learns():
    plan = schedule(read_back="class")
    learn = Flag.LEARN_CLUSTERING, Flag.LEARN_READOUT, Flag.PREDICT
    flags = [plan.headers.flags[span.start] for span in plan.spans]
    assert flags == [learn[0], learn[1] | learn[2], learn[0] | learn[1] | learn[2], learn[2]]


@pytest.mark.parametrize(("read_back", "flags"), [
    ("class", 0), ("winners", Flag.SEND_WINNERS), ("scores", Flag.SEND_SCORES),
    ("all", Flag.SEND_WINNERS | Flag.SEND_SCORES)])
def test_read_back_is_asked_of_every_sample(read_back, flags):
    sent = schedule(read_back=read_back).headers.flags & (Flag.SEND_WINNERS | Flag.SEND_SCORES)
    assert (sent == flags).all()


def test_labels_are_only_sent_where_they_teach():
    plan = schedule()
    for span in plan.spans:
        sent = plan.headers.labels[span.start:span.stop]
        true = plan.labels[span.start:span.stop]
        assert (sent == (true if span.teaches else UNLABELLED)).all()


def test_true_labels_belong_to_the_samples():
    plan = schedule()
    expected = [(TEST_LABELS if part == TEST else TRAIN_LABELS)[index]
                for part, index in zip(plan.parts, plan.indices, strict=True)]
    assert plan.labels.tolist() == expected


def test_every_pass_shows_every_sample_once_in_another_order():
    indices = schedule().indices[20:80]
    assert sorted(indices[:30]) == sorted(indices[30:]) == list(range(30))
    assert indices[:30].tolist() != indices[30:].tolist()


def test_order_depends_on_the_seed_alone():
    assert (schedule().indices == schedule().indices).all()
    assert (schedule().indices != schedule(order_seed=6).indices).any()


def test_order_is_frozen():
    # RandomState([5, 0, 0]) over the 30 samples; a change would break resumed and published runs.
    expected = np.random.RandomState([5, 0, 0]).permutation(np.arange(30))[:20]
    assert schedule().indices[:20].tolist() == expected.tolist()


def test_first_marks_each_taught_sample_once():
    plan = schedule()
    assert plan.first.sum() == 30
    assert plan.first[20:50].all() and not plan.first[50:].any() and not plan.first[:20].any()


def test_pulse_lengths_step_equally_and_become_shifts():
    shifts = schedule().headers.clustering_pulse_shifts[:20]
    assert shifts.tolist() == [4] * 5 + [3] * 5 + [2] * 5 + [1] * 5


def test_boundaries_say_where_lists_step():
    assert schedule().headers.readout_gate_shifts[20:80].tolist() == [2] * 15 + [5] * 45


def test_online_has_a_schedule_for_each_stage():
    headers = schedule().headers
    assert set(headers.clustering_pulse_shifts[80:110].tolist()) == {2}
    assert headers.readout_gate_shifts[80:110].tolist() == [1] * 15 + [3] * 15


def test_devices_that_step_farther_get_shorter_and_fewer_pulses():
    plain = schedule().headers
    scaled = schedule(scales={"clustering": PulseScale(2, scalable=True)}).headers
    clustering = plain.flags & Flag.LEARN_CLUSTERING != 0
    for name in ("clustering_pulse_shifts", "clustering_gate_shifts"):
        assert not getattr(scaled, name)[~clustering].any()
    movement = [headers.clustering_pulse_shifts[clustering].astype(int)
                - headers.clustering_gate_shifts[clustering] for headers in (plain, scaled)]
    assert (movement[0] - movement[1] == 2).all()
    assert (scaled.readout_gate_shifts == plain.readout_gate_shifts).all()


def test_devices_of_one_pulse_get_single_pulses():
    headers = schedule(scales={stage: PulseScale(0, scalable=False)
                               for stage in ("clustering", "readout")}).headers
    assert not headers.clustering_pulse_shifts.any() and not headers.readout_pulse_shifts.any()


def test_guided_and_refining_phases_show_labels_and_predict_nothing():
    made = schedule([ClusterPhase(kind="cluster", guided=True, samples=10),
                     RefinePhase(kind="refine", samples=10, gate_shifts=[0, 3])])
    flags = made.headers.flags & ~np.uint8(Flag.SEND_WINNERS)
    assert flags.tolist() == [Flag.LEARN_CLUSTERING | Flag.GUIDE_CLUSTERING] * 10 \
        + [Flag.REFINE_CLUSTERING] * 10
    assert (made.headers.labels == made.labels).all()
    assert made.headers.clustering_gate_shifts[10:].tolist() == [0] * 5 + [3] * 5
    assert not any(span.predicts or span.teaches for span in made.spans)


def test_subsets_grow_and_hold_their_samples():
    small, large = subset(100, 10, 7), subset(100, 30, 7)
    assert set(small) < set(large) and len(large) == 30


def test_phase_with_a_subset_uses_no_other_sample():
    plan = schedule([TeachPhase(kind="teach", subset=4, passes=3)])
    assert len(plan) == 12 and len(set(plan.indices)) == 4


@pytest.mark.parametrize("size", [1, 2, 3, 4, 12, 20, 21])
def test_balanced_subset_has_as_many_of_each_class_and_grows(size):
    labels = np.repeat([0, 1, 2], [3, 7, 90])

    def chosen(count):
        phase = TeachPhase(kind="teach", subset=count, balanced=True)
        return set(make_schedule([phase], labels, labels, order_seed=9).indices)

    counts = np.bincount(labels[list(chosen(size))], minlength=3)
    # As equal as three and seven samples of the first classes allow.
    levels = max(level for level in range(size + 1)
                 if sum(min(level, most) for most in (3, 7, 90)) <= size)
    assert all(min(levels, most) <= count <= min(levels + 1, most)
               for count, most in zip(counts, (3, 7, 90), strict=True))
    assert counts.sum() == size and chosen(size) < chosen(size + 1)


def test_balanced_order_takes_turns():
    order = np.array([4, 0, 2, 1, 3])
    assert balanced(order, np.array([1, 0, 1, 1, 0])).tolist() == [4, 0, 2, 3, 1]


def test_phase_of_some_classes_presents_no_others():
    plan = schedule([TeachPhase(kind="teach", classes=[0, 2], passes=2),
                     EvaluatePhase(kind="evaluate", classes=[1])])
    assert [len(span) for span in plan.spans] == [40, 4]
    assert set(plan.labels[:40]) == {0, 2} and set(plan.labels[40:]) == {1}
    assert sorted(plan.indices[:20]) == [place for place in range(30) if place % 3 != 1]


def test_portions_are_disjoint_and_cover_the_data():
    halves = [TeachPhase(kind="teach", portion=[low, low + 0.5]) for low in (0.0, 0.5)]
    plan = schedule(halves)
    assert sorted(plan.indices) == list(range(30)) and plan.first.all()
    few = schedule([TeachPhase(kind="teach", portion=[0.5, 1.0], subset=5)])
    assert set(few.indices) < set(plan.indices[15:])


@pytest.mark.parametrize(("options", "message"), [
    ({"classes": [7]}, r"phases\[0\].classes = \[7\]: none of the 30 training samples"),
    ({"portion": [0.0, 0.001]}, r"phases\[0\].portion = \[0.0, 0.001\]: holds none of 30"),
    ({"classes": [1], "subset": 11}, "subset = 11: expected at most the 10 training samples"),
    ({"portion": [0.0, 0.5], "subset": 16}, "subset = 16: expected at most the 15")])
def test_phase_without_its_samples_is_refused(options, message):
    with pytest.raises(ExperimentError, match=message):
        schedule([TeachPhase(kind="teach", **options)])


def test_evaluation_without_samples_is_refused():
    with pytest.raises(ExperimentError, match="none of the 12 test samples"):
        schedule([EvaluatePhase(kind="evaluate", classes=[9])])


def test_stage_is_frozen_after_its_first_samples():
    plan = schedule([OnlinePhase(
        kind="online", clustering={"pulse_lengths": [16, 8, 4, 2], "until": 8},
        readout={"gate_shifts": [1, 3], "until": 20})])
    learns = plan.headers.flags & Flag.LEARN_CLUSTERING != 0
    assert learns.tolist() == [True] * 8 + [False] * 22
    assert plan.headers.clustering_pulse_shifts[:8].tolist() == [4, 4, 3, 3, 2, 2, 1, 1]
    teaches = plan.headers.flags & Flag.LEARN_READOUT != 0
    assert teaches.tolist() == [True] * 20 + [False] * 10
    assert (plan.headers.labels[20:] == UNLABELLED).all() and not plan.first[20:].any()
    assert plan.headers.readout_gate_shifts[:20].tolist() == [1] * 10 + [3] * 10


def test_stage_frozen_beyond_the_phase_steps_over_the_phase():
    phase = {"kind": "online", "clustering": {"pulse_lengths": [4, 2], "until": 1000}}
    shifts = schedule([OnlinePhase(**phase)]).headers.clustering_pulse_shifts
    assert shifts.tolist() == [2] * 15 + [1] * 15


def test_wrong_labels_are_shown_and_true_ones_kept():
    shown = (TRAIN_LABELS + 1) % 3
    plan = schedule(shown_labels=shown)
    teaching = plan.headers.flags & Flag.LEARN_READOUT != 0
    assert (plan.headers.labels[teaching] == shown[plan.indices[teaching]]).all()
    assert (plan.labels == schedule().labels).all()


def test_views_are_drawn_by_seed_and_phase():
    phases = [TeachPhase(kind="teach", shifts=2, mirror=True, passes=20),
              TeachPhase(kind="teach", shifts=2, mirror=True, passes=20)]
    one, again, other = (schedule(phases, augmentation_seed=seed).views for seed in (1, 1, 2))
    assert (one.offsets == again.offsets).all() and (one.mirrors == again.mirrors).all()
    assert (one.offsets != other.offsets).any() and (one.mirrors != other.mirrors).any()
    assert (one.offsets[:600] != one.offsets[600:]).any()
    assert {tuple(offset) for offset in one.offsets} == {
        (down, right) for down in range(-2, 3) for right in range(-2, 3)}
    assert 0.4 < one.mirrors.mean() < 0.6  # 1,200 draws: 0.5 within seven standard deviations


def test_permutation_holds_in_its_phase_only():
    plan = schedule([TeachPhase(kind="teach"), TeachPhase(kind="teach", permutation=7),
                     EvaluatePhase(kind="evaluate", permutation=7)])
    assert plan.views.permutations.tolist() == [UNPERMUTED] * 30 + [7] * 42


def test_permuted_sample_counts_as_another():
    plan = schedule([TeachPhase(kind="teach", passes=2, permutation=seed) for seed in (None, 7)])
    assert plan.first.tolist() == ([True] * 30 + [False] * 30) * 2


def test_subset_beyond_the_data_is_refused():
    with pytest.raises(ExperimentError, match="subset = 31: expected at most the 30"):
        schedule([TeachPhase(kind="teach", subset=31)])


def test_limit_gives_every_phase_its_share():
    assert [len(span) for span in schedule(limit=40).spans] == [10, 10, 10, 10]
    assert [len(span) for span in schedule(limit=100).spans] == [20, 38, 30, 12]


@given(st.integers(0, 200), st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_share_is_exact_and_within_lengths(total, lengths):
    given_ = share(total, lengths)
    assert sum(given_) == min(total, sum(lengths))
    assert all(0 <= part <= length for part, length in zip(given_, lengths, strict=True))
    if total >= len(lengths):
        assert all(part > 0 for part, length in zip(given_, lengths, strict=True) if length)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(1, 100))
def test_steps_keep_their_order_and_equal_lengths(values, length):
    sequence = steps(values, None, length).tolist()
    lengths = [sum(1 for k in range(length) if k * len(values) // length == entry)
               for entry in range(len(values))]
    assert sequence == [value for value, count in zip(values, lengths, strict=True)
                        for _ in range(count)]


@pytest.mark.parametrize("rehearsal", [0.1, 0.3, 0.5, 0.75, 0.8])
def test_rehearsal_teaches_earlier_samples_again_on_top_of_the_phases_own(rehearsal):
    tasks = [OnlinePhase(**LEARN_BOTH, classes=[0, 1]),
             OnlinePhase(**LEARN_BOTH, classes=[2], passes=3, rehearsal=rehearsal)]
    plan = schedule(tasks)
    start, stop = plan.spans[1].start, plan.spans[1].stop
    labels = plan.labels[start:stop]
    own = plan.indices[start:stop][labels == 2]
    assert len(own) == 30
    assert [sorted(own[each:each + 10]) for each in (0, 10, 20)] \
        == 3 * [np.flatnonzero(TRAIN_LABELS == 2).tolist()]
    assert len(labels) - 30 == int(30 * rehearsal / (1 - rehearsal) + 1e-9)
    again = plan.indices[start:stop][labels != 2]
    assert set(again) <= set(plan.indices[:start])
    assert not plan.first[start:stop][labels != 2].any()
    assert (plan.headers.labels[start:stop] == labels).all()


def test_phase_rehearses_nothing_that_was_not_taught():
    tasks = [ClusterPhase(kind="cluster"), OnlinePhase(**LEARN_BOTH, classes=[0]),
             OnlinePhase(**LEARN_BOTH, classes=[1], rehearsal=0.5),
             OnlinePhase(**LEARN_BOTH, classes=[2], rehearsal=0.5, rehearsal_buffer=1)]
    plan = schedule(tasks)
    third, last = plan.spans[2:]
    assert set(plan.labels[third.start:third.stop]) == {0, 1}
    again = plan.indices[last.start:last.stop][plan.labels[last.start:last.stop] != 2]
    assert len(again) == 10
    assert len(set(again)) == 1


@given(st.data())
def test_rehearsal_buffer_keeps_only_what_it_held_or_what_is_new(data):
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=2, max_size=40)))
    order = data.draw(st.permutations(range(len(labels))))
    first, then = sorted(data.draw(st.tuples(*2 * [st.integers(1, len(labels))])))
    size = data.draw(st.integers(1, 20))
    before, after = (set(rehearsal_buffer(np.array(order[:count]), labels, size, 7))
                     for count in (first, then))
    assert len(after) == min(size, then)
    assert after <= before | set(order[first:then])
    counts = [sum(labels[sample] == label for sample in after) for label in range(4)]
    taught = [sum(labels[sample] == label for sample in order[:then]) for label in range(4)]
    assert all(count == held or count >= max(counts) - 1
               for count, held in zip(counts, taught, strict=True))
