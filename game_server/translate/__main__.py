"""Translate a module of rules, or make anew all that were translated before.

python -m game_server.translate my_rules --out static/games/mine/my_rules.js
python -m game_server.translate my_rules                   # the same anew, found in static/ by its head
python -m game_server.translate --remake static            # what `make rules` does; --check only looks
"""

import argparse
import os
import sys
from pathlib import Path

from .refusal import Untranslatable
from .write import origin_of, translate

#: where pages lie, from where the command is run
STATIC = Path("static")

#: file, module, functions
Job = tuple[Path, str, list[str]]


def main() -> int:
    """Run; return the exit code: 0 done, 1 refused or, with --check, stale, 2 for wrong flags."""
    options = _parser().parse_args()
    sys.path.insert(0, os.getcwd())
    if options.remake is not None:
        jobs = _made_before(options.remake)
    elif options.module and options.out:
        jobs = [(options.out, options.module, options.only)]
    elif options.module:
        jobs = [job for job in _made_before(STATIC) if job[1:] == (options.module, options.only)]
        if not jobs:
            _parser().error(f"nothing in {STATIC} says that it was made by this: give --out FILE")
    else:
        _parser().error("give a MODULE and --out FILE, or --remake FOLDER")
    return max([_translate(path, module, only, options.check) for path, module, only in jobs], default=0)


def _made_before(folder: Path) -> list[Job]:
    """Return what was translated into a folder before, by the heads of the files."""
    return [(path, *origin) for path in sorted(folder.rglob("*.js")) if (origin := origin_of(path))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m game_server.translate",
        description="Translate a game's predicted rules from Python to a static JavaScript module.",
    )
    parser.add_argument("module", nargs="?", help="dotted name of the module, as Python imports it from here")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the JavaScript file to write; none: where it is")
    parser.add_argument("--only", action="append", default=[], metavar="FUNCTION", help="this function; repeatable")
    parser.add_argument("--remake", type=Path, metavar="FOLDER", help="make all translated modules in a folder anew")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a file is not as it would be made"
    )
    return parser


def _translate(path: Path, module: str, only: list[str], is_check: bool) -> int:
    try:
        made = translate(module, path, only)
    except Untranslatable as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"{error}: run this from the folder that Python finds {module} in", file=sys.stderr)
        return 1
    if path.is_file() and path.read_text(encoding="utf-8") == made:
        return 0
    if is_check:
        print(f"{path} is not what {module} makes: translate it again", file=sys.stderr)
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
