#!/usr/bin/env python3
"""What must not be in the sources: clocks in unit tests, paths of somebody's machine, leftovers."""
import re

import tree

# (where, what, why). The patterns are written so that they do not match themselves.
RULES = [
    (r"tests/(?!e2e/|bench/|lint/|support/)\w+/.*_test\.cc",
     r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(",
     "unit tests do not sleep: use FakeLoop, or wait for a descriptor with a deadline"),
    (r".*\.(h|cc|c|def|py|js|cjs|mjs|md|txt|json|yaml|sh)|dev|\.ci/run",
     r"/[w]ork/|/[h]ome/\w+/", "a path of somebody's machine"),
    (r".*\.(h|cc|c|def|py|js|cjs|mjs)", r"\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b", "a leftover"),
    (r"(base|config|collector|rotate|exporter|supervisor|cli)/.*\.(h|cc)",
     r"\b(std::c[o]ut|std::c[e]rr|print[f]\()", "say it through Log() or the terminal"),
    (r"(base|config|collector|rotate|exporter|supervisor)/.*\.(h|cc)",
     r"\b(sys[t]em|pop[e]n)\s*\(", "no shell in the daemons"),
    (r".*\.(h|cc)", r"\busing namespace std;", "name what is used"),
]

problems = []
names = tree.files()
for name in names:
    applicable = [(re.compile(what), why) for where, what, why in RULES if re.fullmatch(where, name)]
    if not applicable:
        continue
    for number, line in enumerate(tree.text(name).split("\n"), 1):
        for what, why in applicable:
            if what.search(line):
                problems.append(f"{name}:{number}: {why}: {line.strip()}")
tree.finish(problems, f"{len(names)} files")
