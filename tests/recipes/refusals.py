"""Runs the BigGAN recipe with one list of flags after the other, in one process.

Reads a JSON list of lists; prints a JSON list of how each ended: exit code and standard error.
"""

import contextlib
import io
import json
import sys

from absl import flags

from recipes import biggan, common


def ends(arguments):
    """[exit code, what the recipe says when it refuses the arguments]."""
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    flags.FLAGS.unparse_flags()
    sys.argv = ["recipes.biggan", *arguments]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            common.main(biggan.METHOD)
    except SystemExit as end:
        # As the interpreter does: a message goes to standard error, with code 1.
        message = isinstance(end.code, str)
        return [1 if message else end.code, said.getvalue() + (end.code if message else "")]
    return [0, said.getvalue()]


if __name__ == "__main__":
    print(json.dumps([ends(arguments) for arguments in json.load(sys.stdin)]))
