"""scikit-learn estimators: a classifier and a regressor of tables, and a segmenter of images."""

from thalweg.estimators.classifier import DenseClassifier
from thalweg.estimators.regressor import DenseRegressor
from thalweg.estimators.segmenter import DenseSegmenter

__all__ = ["DenseClassifier", "DenseRegressor", "DenseSegmenter"]
