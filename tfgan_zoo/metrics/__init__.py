"""Evaluation metrics: functions of feature arrays, and the networks that make the features."""
