"""Rows packed once a tick: what a selection of them is."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .declarations import FieldSpec, Spec, field_specs
from .stage import Stage


@given(st.data(), st.lists(field_specs(), max_size=4))
def test_a_selection_is_what_packing_it_alone_gives(data: st.DataObject, declared: list[FieldSpec]) -> None:
    """Whatever the fields, the mask and the selection: the joined rows are those that the codec would write."""
    stage = Stage([declared], [])
    for _ in range(3):
        stage.act(data)
    stage.capture()
    type_, table = stage.types[1], stage.now.tables[1]
    mask = data.draw(st.integers(0, type_.all_mask))
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table))), bool)

    packed = type_.packed(table, mask, list(table))

    rows = [row for row, is_in in zip(table.values(), chosen, strict=True) if is_in]
    expected = type_.packer(mask).pack(rows)
    assert expected == packed.join(chosen)
    assert expected == packed.join(np.flatnonzero(chosen))
    assert type_.packer(mask).pack(table.values()) == packed.join()
    assert list(table) == packed.ids.tolist() == type_.ids_of(table).tolist()


@pytest.mark.parametrize("spec", [Spec("fixed", (-8, 8), {"step": 0.5}), Spec("int16"), Spec("float32")])
def test_a_column_has_the_values_that_clients_see(spec: Spec) -> None:
    """Positions for a grid come off the snapshot, dequantised, in the order of the ids."""
    stage = Stage([[FieldSpec(Spec("uint8")), FieldSpec(spec)]], [])
    things: list[Any] = [stage.world.spawn(stage.types[1].cls(f1=value)) for value in (-3.0, 2.25, 0.0)]
    stage.world.despawn(things[2])
    stage.capture()

    kind = spec.kind
    expected = [kind.dequantise(kind.clamp(value)) for value in (-3.0, 2.25)]
    assert expected == stage.types[1].column(stage.now.tables[1], "f1").tolist()
