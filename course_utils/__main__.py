"""Command line: python -m course_utils doctor | data | solutions."""

import importlib
import sys

COMMANDS = {
    "doctor": ("course_utils.doctor", "check this computer: one line a requirement, OK or FAIL with the fix"),
    "data": ("course_utils.data.cli", "list, fetch, verify and import the data sets"),
    "solutions": ("course_utils.exercises.solutions", "write the notebooks with every exercise solved"),
}


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    usage = "usage: python -m course_utils COMMAND ...\n\n" + "\n".join(
        f"  {name:10} {text}" for name, (_, text) in COMMANDS.items()
    )
    if argv and argv[0] in ("-h", "--help"):
        print(usage)
        return 0
    if not argv or argv[0] not in COMMANDS:
        said = f"unknown command {argv[0]!r}" if argv else "no command given"
        print(f"{said}\n\n{usage}", file=sys.stderr)
        return 2
    module, _ = COMMANDS[argv[0]]
    return importlib.import_module(module).main(argv[1:])


if __name__ == "__main__":
    sys.exit(main())
