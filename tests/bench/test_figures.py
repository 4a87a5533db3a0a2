"""Figures: what is written, and what counts as met."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.figures import Figure, percentile, write_figures


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_one_of_the_values_and_enough_of_them_lie_below(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-9
    assert sum(value < found for value in values) < percent / 100 * len(values)


def test_a_target_is_met_from_the_better_side() -> None:
    assert Figure(value=1.9, unit="ratio", target=2).met is True
    assert Figure(value=2.1, unit="ratio", target=2).met is False
    assert Figure(value=2.1, unit="1/s", better="higher", target=2).met is True
    assert Figure(value=2.1, unit="ms").met is None


@pytest.mark.parametrize(("keep_others", "names"), [(True, {"a.x", "b.y"}), (False, {"b.y"})])
def test_a_part_is_written_over_the_others_and_a_whole_run_anew(
    tmp_path: Path, names: set[str], *, keep_others: bool
) -> None:
    path = tmp_path / "bench.json"
    write_figures(path, {"a.x": Figure(value=1, unit="ms")}, keep_others=False)
    write_figures(path, {"b.y": Figure(value=3, unit="ratio", target=4)}, keep_others=keep_others)

    written = orjson.loads(path.read_bytes())

    assert set(written) == names
    assert written["b.y"] == {"value": 3.0, "unit": "ratio", "better": "lower", "target": 4.0}
