"""The files between the steps: one file a format, with its type and how it is written, read, shown
by `zenith inspect` and compared by `zenith diff`.

Every write is atomic: a temporary file in the same folder, renamed when it is complete, so that
an interrupted step leaves nothing that a later one could take for a result. No file is a pickle.
"""

from zenith.artefacts.arrays import read_arrays, write_arrays
from zenith.artefacts.columns import Columns, read_columns, write_columns
from zenith.artefacts.hashes import data_hash, file_hash
from zenith.artefacts.histograms import read_histograms, write_histograms
from zenith.artefacts.json_files import read_json, unique_keys, write_json, write_text

__all__ = [
    "Columns",
    "data_hash",
    "file_hash",
    "read_arrays",
    "read_columns",
    "read_histograms",
    "read_json",
    "unique_keys",
    "write_arrays",
    "write_columns",
    "write_histograms",
    "write_json",
    "write_text",
]
