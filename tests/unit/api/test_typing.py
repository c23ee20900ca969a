"""Users who check types see those of every public name."""

import ast
import subprocess
import sys
from pathlib import Path

import defectory

# As `mypy --strict`, but for torch, which alone takes a minute to read and is in no public type.
SETTINGS = """
[mypy]
strict = True
[mypy-torch.*]
follow_imports = skip
"""
SCRIPT = Path(__file__).parents[2] / "typing" / "user_script.py"


def mypy(script):
    settings = script.with_name("mypy.ini")
    settings.write_text(SETTINGS)
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--cache-dir"]
    command += [str(script.with_name("cache")), str(script)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_users_script_passes_strict_mypy_and_a_wrong_one_does_not(tmp_path):
    # in tmp_path, as a user has it: the package is found by its py.typed, not by the project's settings
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.read_text())
    done = mypy(script)
    assert done.returncode == 0, done.stdout + done.stderr
    script.write_text(
        "import defectory\nmodel = defectory.fit('parts/', sice=64)\n"
        "score: str = model.predict('a.png')[0].score\n"
    )
    done = mypy(script)
    assert "Unexpected keyword argument" in done.stdout
    assert 'expression has type "float"' in done.stdout


def test_the_script_names_every_public_name():
    tree = ast.parse(SCRIPT.read_text())
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    named |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert set(dir(defectory)) <= named
