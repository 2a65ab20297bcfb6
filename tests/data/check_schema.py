#!/usr/bin/env python3
"""The JSON Schema and the loader agree: files in good/ satisfy the schema, files in bad/ do not.
(bad_beyond_schema/ holds mistakes that a schema cannot express; the loader's own test refuses them.)
Every file of the scenario library satisfies the schema too.

check_schema.py ROOT
"""
import glob
import json
import os
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("check_schema: the Python package jsonschema is missing: apt-get install python3-jsonschema")


def problems(validator, path):
    """The first problem of a file, or None."""
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    for error in validator.iter_errors(document):
        where = "/" + "/".join(str(part) for part in error.absolute_path)
        return f"{where}: {error.message[:200]}"
    return None


def main(root):
    with open(os.path.join(root, "scenarios/schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    wrong, examined = [], 0

    def expect(pattern, good):
        nonlocal examined
        paths = sorted(glob.glob(os.path.join(root, pattern)))
        if not paths:
            wrong.append(f"{pattern}: no such files")
        for path in paths:
            if os.path.basename(path) == "schema.json":
                continue
            examined += 1
            problem = problems(validator, path)
            if good and problem:
                wrong.append(f"{path}: the schema refuses it: {problem}")
            if not good and problem is None:
                wrong.append(f"{path}: the schema accepts it, the loader does not")

    expect("tests/data/scenarios/good/*.json", True)
    expect("tests/data/scenarios/bad/*.json", False)
    expect("scenarios/*.json", True)
    for line in wrong:
        print(line)
    print(f"check_schema: {examined} files, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
