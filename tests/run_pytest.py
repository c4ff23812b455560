"""Runs pytest on the file Bazel names and reports in the way Bazel asks for."""

import os
import sys

import pytest


def main(paths: list[str]) -> int:
    """Returns pytest's exit code. Tests write below Bazel's temporary folder only."""
    scratch = os.environ["TEST_TMPDIR"]
    os.environ["HOME"] = scratch  # caches of data sets and of other packages
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = scratch
    options = ["--rootdir=.", "-p", "no:cacheprovider", f"--basetemp={scratch}/pytest"]
    options.append(f"--junitxml={os.environ['XML_OUTPUT_FILE']}")
    if chosen := os.environ.get("TESTBRIDGE_TEST_ONLY"):  # bazel test --test_filter
        options += ["-k", chosen]
    return pytest.main([*options, *paths])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
