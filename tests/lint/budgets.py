#!/usr/bin/env python3
"""Sizes: files of at most 600 lines, functions of at most 70, a core that stays thin."""
import re

import tree

FILE_MAX = 600
FUNCTION_MAX = 70
# Of supervisor/, in lines of code without blank and comment lines (docs/decisions/0004, 0007): the
# core is what stands in the folder itself.
BUDGETS = {"supervisor": 5500, "supervisor/control": 1300, "supervisor/ports": 2400, "supervisor/probes": 1600}
# Vendored or tables by nature.
EXEMPT_FILES = re.compile(r".*\.def|.*package-lock\.json")
# Opens something that is no function body.
NOT_A_BODY = re.compile(r"^\s*(namespace\b|extern\s+\"C\"|(typedef\s+)?(class|struct|union|enum)\b)|=\s*\{?\s*$|=\s*\{")


def strip(line):
    """Without strings, characters and comments, so that what is left has only real braces."""
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    line = re.sub(r"'(\\.|[^'\\])'", "' '", line)
    return line.split("//")[0]


def functions(text):
    """(first line, length) of every function body: the outermost block that is opened after ')'."""
    text = re.sub(r'R"(\w*)\((.*?)\)\1"', lambda m: '""' + "\n" * m.group(0).count("\n"), text, flags=re.S)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    stack, head = [], ""
    for number, raw in enumerate(text.split("\n"), 1):
        if raw.lstrip().startswith("#"):
            continue
        for char in strip(raw) + "\n":
            if char == "{":
                is_body = ")" in head and not NOT_A_BODY.search(head.strip())
                inside = any(body for body, _ in stack)
                stack.append((is_body and not inside, number))
                head = ""
            elif char == "}":
                if stack:
                    body, begun = stack.pop()
                    if body:
                        yield begun, number - begun + 1
                head = ""
            elif char == ";":
                head = ""
            else:
                head += char


problems = []
lines = {}
longest = (0, "")
for name in tree.files(".h", ".cc", ".c", ".def", ".py", ".js", ".cjs"):
    content = tree.text(name)
    count = content.count("\n")
    folder = name.split("/")[0]
    if name.endswith((".h", ".cc", ".def")):
        lines[folder] = lines.get(folder, 0) + count
    if count > FILE_MAX and not EXEMPT_FILES.fullmatch(name):
        problems.append(f"{name}: {count} lines, at most {FILE_MAX}")
    if name.endswith((".h", ".cc", ".c")):
        for begun, length in functions(content):
            longest = max(longest, (length, f"{name}:{begun}"))
            if length > FUNCTION_MAX:
                problems.append(f"{name}:{begun}: a function of {length} lines, at most {FUNCTION_MAX}")


def code_lines(names):
    return sum(1 for n in names for line in tree.text(n).splitlines() if not re.fullmatch(r"\s*(//.*)?", line))


def folder_of(name):
    return name.rpartition("/")[0]


everything = tree.files(".h", ".cc", under="supervisor")
sizes = {folder: code_lines(n for n in everything if folder_of(n) == folder) for folder in BUDGETS}
for folder, most in BUDGETS.items():
    if sizes[folder] > most:
        problems.append(f"{folder}: {sizes[folder]} lines of code, at most {most}")
core = sum(sizes.values()) - sizes["supervisor/probes"]
# What looks at workers, their output and their numbers: the larger part.
watching = [n for n in everything if folder_of(n) in ("supervisor/sidecar", "supervisor/probes")]
observation = code_lines(
    watching + [n for f in ("collector", "rotate", "exporter") for n in tree.files(".h", ".cc", ".def", ".cjs", under=f)])
if observation < core:
    problems.append(f"observation: {observation} lines of code, less than the core's {core}")
per_folder = ", ".join(f"{folder} {lines[folder]}" for folder in tree.CODE_FOLDERS if folder in lines)
tree.finish(problems, f"lines: {per_folder}; core {core} {sizes}, observation {observation}, longest function {longest[0]} ({longest[1]})")
