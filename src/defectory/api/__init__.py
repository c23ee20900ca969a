"""The Python API, as users of scikit-learn know it; `defectory` exports it."""
