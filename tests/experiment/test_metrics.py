"""Metrics against closed forms and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import normalized_mutual_info_score

from crosswall.experiment import metrics
from tests.near import near


def test_accuracy_is_the_share_of_equal_entries():
    assert metrics.accuracy(np.array([1, 2, 3, 3]), np.array([1, 2, 0, 3])) == 0.75
    assert metrics.accuracy(np.array([]), np.array([])) is None


def test_windowed_accuracy_is_a_mean_over_each_window():
    counts, accuracies = metrics.windowed_accuracy(np.array([1, 1, 0, 1, 1]), np.ones(5), 2)
    assert counts.tolist() == [2, 2, 1] and accuracies.tolist() == [1, 0.5, 1]
    counts, accuracies = metrics.windowed_accuracy(np.array([]), np.array([]), 2)
    assert counts.tolist() == accuracies.tolist() == []


def test_class_accuracy_is_the_recall_of_each_class():
    assert metrics.class_accuracy(np.array([[3, 1, 0], [0, 0, 0], [1, 0, 1]])) == [0.75, None, 0.5]


def test_confusion_equals_scikit_learn(rng):
    true, predicted = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    assert (metrics.confusion_matrix(predicted, true, 5)
            == sklearn_confusion(true, predicted, labels=range(5))).all()


@pytest.mark.parametrize("clusters", [1, 2, 7, 40])
def test_mutual_information_equals_scikit_learn(rng, clusters):
    labels = rng.integers(0, 4, 300)
    winners = (labels * 3 + rng.integers(0, 4, 300)) % clusters
    counts = metrics.contingency(winners, labels, clusters, 4)
    assert metrics.normalised_mutual_information(counts) == pytest.approx(
        normalized_mutual_info_score(labels, winners), abs=1e-12)


def test_one_cluster_of_one_class_is_perfect():
    assert metrics.normalised_mutual_information(np.array([[7, 0]])) == 1


def test_perfect_clusters_score_one():
    labels = np.arange(40) % 4
    assert metrics.cluster_scores((labels * 2)[:, None], labels, 8, 4) == (1, near(1))


def test_purity_counts_the_commonest_class_of_each_cluster():
    assert metrics.purity(np.array([[3, 1], [0, 4]])) == 7 / 8


def test_positions_are_weighted_by_their_samples_and_silent_ones_left_out():
    labels = np.array([0, 1, 0, 1])
    winners = np.array([[0, -1], [1, -1], [0, 5], [1, 5]])
    purity, information = metrics.cluster_scores(winners, labels, 8, 2)
    assert purity == near((4 * 1 + 2 * 0.5) / 6)
    assert information == near((4 * 1 + 2 * 0) / 6)


def test_all_silent_has_no_scores():
    assert metrics.cluster_scores(np.full((3, 2), -1), np.zeros(3, int), 4, 2) == (None, None)
