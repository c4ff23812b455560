"""Runs the recipe that is named with one list of flags after the other, in one process.

Its second argument is a JSON list of lists; it prints a JSON list of how each ended: exit code and
standard error.
"""

import contextlib
import importlib
import io
import json
import sys

from absl import flags

from recipes import common


def ends(method, arguments):
    """[exit code, what the recipe says when it refuses the arguments]."""
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    flags.FLAGS.unparse_flags()
    sys.argv = ["recipe", *arguments]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            common.main(method)
    except SystemExit as end:
        # As the interpreter does: a message goes to standard error, with code 1.
        message = isinstance(end.code, str)
        return [1 if message else end.code, said.getvalue() + (end.code if message else "")]
    return [0, said.getvalue()]


if __name__ == "__main__":
    recipe = importlib.import_module(f"recipes.{sys.argv[1]}").METHOD
    print(json.dumps([ends(recipe, arguments) for arguments in json.loads(sys.argv[2])]))
