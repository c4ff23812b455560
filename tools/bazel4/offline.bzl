"""Stand-ins for the repositories that Bazel 4 would download to run a Python test.

BUILD files are written for today's rules_python; the same labels lead to the rules inside Bazel 4.
"""

_LIBRARY = """
py_library(
    name = "{name}",
    visibility = ["//visibility:public"],
)
"""

# What Bazel's own BUILD files load from rules_cc, and ours from rules_python.
_RULES = {
    "cc/defs.bzl": [
        "cc_binary",
        "cc_library",
        "cc_proto_library",
        "cc_test",
        "cc_toolchain",
        "cc_toolchain_suite",
        "objc_library",
    ],
    "python/py_library.bzl": ["py_library"],
    "python/py_test.bzl": ["py_test"],
}

# Bazel asks for these two with every test, and runs them with --coverage only.
_COVERAGE_TOOLS = """
[
    sh_binary(
        name = name,
        srcs = ["unavailable.sh"],
        visibility = ["//visibility:public"],
    )
    for name in ["coverage_report_generator", "lcov_merger"]
]
"""

def _environment_packages(ctx):
    """Makes @pypi//NAME for every line NAME==VERSION; Python's own environment has the files."""
    for line in ctx.read(ctx.attr.requirements_lock).splitlines():
        if line and not line.startswith("#"):
            name = line.split("==")[0].lower().replace("-", "_").replace(".", "_")
            ctx.file(name + "/BUILD", _LIBRARY.format(name = name))
    ctx.file("BUILD")

environment_packages = repository_rule(
    _environment_packages,
    attrs = {"requirements_lock": attr.label(mandatory = True)},
)

def _native_rules(ctx):
    """Makes @rules_cc, @rules_python and @remote_coverage_tools out of Bazel's own rules."""
    for path, rules in _RULES.items():
        ctx.file(path, "".join(["{0} = native.{0}\n".format(rule) for rule in rules]))
        ctx.file(path.rpartition("/")[0] + "/BUILD")
    ctx.file("unavailable.sh", "#!/bin/sh\necho 'No coverage in this set-up.' >&2\nexit 1\n")
    ctx.file("BUILD", _COVERAGE_TOOLS)

native_rules = repository_rule(_native_rules)
