"""How well a machine did: accuracy, clusters, confusion."""

from __future__ import annotations

import numpy as np


def accuracy(predictions: np.ndarray, labels: np.ndarray) -> float | None:
    """Share of predictions that equal their labels; None for no samples."""
    return float(np.mean(predictions == labels)) if len(labels) else None


def windowed_accuracy(predictions: np.ndarray, labels: np.ndarray, window: int
                      ) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy of each window of ``window`` samples, one after the other.

    Returns
    -------
    tuple
        Samples ``int64[m]`` of each window, the last of which may be shorter, and accuracies
        ``float[m]``.
    """
    starts = np.arange(0, len(labels), window)
    counts = np.minimum(window, len(labels) - starts)
    if not len(starts):
        return counts, np.zeros(0)
    return counts, np.add.reduceat((predictions == labels).astype(np.int64), starts) / counts


def class_accuracy(confusion: np.ndarray) -> list[float | None]:
    """Share of each class's samples that are predicted right, of a confusion matrix (row = true
    class); None for a class without samples."""
    return [float(row[label] / row.sum()) if row.sum() else None
            for label, row in enumerate(confusion)]


def confusion_matrix(predictions: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Counts ``int64[classes, classes]``: row = true class, column = predicted class."""
    return np.bincount(labels.astype(np.int64) * classes + predictions,
                       minlength=classes * classes).reshape(classes, classes)


def contingency(winners: np.ndarray, labels: np.ndarray, neurons: int,
                classes: int) -> np.ndarray:
    """Counts ``int64[neurons, classes]`` of the samples that are not silent (winner −1)."""
    heard = winners >= 0
    return np.bincount(winners[heard].astype(np.int64) * classes + labels[heard],
                       minlength=neurons * classes).reshape(neurons, classes)


def purity(counts: np.ndarray) -> float | None:
    """Share of samples that belong to the commonest class of their cluster; None if empty."""
    total = counts.sum()
    return float(counts.max(axis=1).sum() / total) if total else None


def normalised_mutual_information(counts: np.ndarray) -> float | None:
    """Mutual information of cluster and class over the mean of their entropies, 0 to 1.

    The arithmetic mean, as scikit-learn's ``normalized_mutual_info_score`` takes by default;
    1 if there is one cluster and one class; None for an empty contingency table.
    """
    total = counts.sum()
    if not total:
        return None
    joint = counts / total
    clusters, classes = joint.sum(axis=1), joint.sum(axis=0)
    mean_entropy = (_entropy(clusters) + _entropy(classes)) / 2
    if mean_entropy == 0:
        return 1.0
    information = _entropy(clusters) + _entropy(classes) - _entropy(joint.ravel())
    return float(np.clip(information / mean_entropy, 0, 1))


def cluster_scores(winners: np.ndarray, labels: np.ndarray, neurons: int,
                   classes: int) -> tuple[float | None, float | None]:
    """Purity and normalised mutual information of cluster assignments.

    Each position assigns every sample to a cluster, its winner. With one position (geometry W)
    these are the usual scores; with several each position is scored by itself, over the samples
    that are not silent there, and the mean is weighted by the number of these samples.

    Parameters
    ----------
    winners
        ``int16[n, positions]``, -1 where silent.
    labels
        ``[n]``, 0 to ``classes - 1``.

    Returns
    -------
    tuple
        Purity and normalised mutual information; None each if every position is silent.
    """
    weights: list[int] = []
    scores: list[tuple[float | None, float | None]] = []
    for position in range(winners.shape[1]):
        counts = contingency(winners[:, position], labels, neurons, classes)
        if weight := int(counts.sum()):
            weights.append(weight)
            scores.append((purity(counts), normalised_mutual_information(counts)))
    if not weights:
        return None, None
    mean = np.average(np.array(scores, float), axis=0, weights=weights)
    return float(mean[0]), float(mean[1])


def _entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())
