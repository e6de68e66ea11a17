"""What the lints share: the files of the project, and how a lint ends."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE_FOLDERS = ["base", "config", "collector", "rotate", "exporter", "supervisor", "cli"]


def files(*suffixes, under="."):
    """Files below `under` that git does not ignore, relative to ROOT, sorted."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", under],
        capture_output=True)
    if listed.returncode == 0:
        names = [n for n in listed.stdout.decode().split("\0") if n and (ROOT / n).is_file()]
    else:  # an unpacked archive
        names = [str(p.relative_to(ROOT)) for p in (ROOT / under).rglob("*") if p.is_file()]
        names = [n for n in names if not n.startswith("build/") and "__pycache__" not in n]
    return sorted(n for n in names if not suffixes or n.endswith(suffixes))


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def finish(problems, summary):
    """Prints the problems, one a line, and ends: 1 if there are any."""
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems; {summary}" if problems else f"clean; {summary}")
    sys.exit(1 if problems else 0)
