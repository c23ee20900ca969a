import shlex

from defectory.cli.text import as_command


def test_a_command_can_be_copied_whatever_names_of_files_hold():
    words = ["defectory", "review", "my photos.review", "it's", "-o", "a&b"]
    assert shlex.split(as_command(*words)) == words
    assert as_command("defectory", "review", "photos.review") == "defectory review photos.review"
    assert "\n" not in as_command("review", "two\nlines")
