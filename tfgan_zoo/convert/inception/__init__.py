"""Reads the published weights of the FID Inception into the file that metrics read."""
