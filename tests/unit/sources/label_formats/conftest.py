import json

import pytest

from defectory.sources.label_formats import read_labels


@pytest.fixture
def read(tmp_path):
    """Read labels that are given as text, bytes or what JSON holds."""

    def read_content(content, format_name=None, name="labels.json"):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_labels(path, format_name)

    return read_content
