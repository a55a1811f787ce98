"""The log of a pass tells what it did, apart from what earlier passes had left."""

from __future__ import annotations

import numpy as np

from grad_engine.core.run_log import RUNS_KEPT, Ran, Sent
from tests.core.graphs import leaf


def test_this_pass_and_what_was_held_are_told_apart() -> None:
    x = leaf([1.0, 2.0])
    z = (x * x).sum()
    z.backward(retain_graph=True)
    z.backward(retain_graph=True)
    first, second = z.node.extra.runs
    (change,) = first.leaves
    assert change.before is None and change.after is change.gathered
    np.testing.assert_array_equal(change.gathered, [2.0, 4.0])
    (change,) = second.leaves
    np.testing.assert_array_equal(change.before, [2.0, 4.0])
    np.testing.assert_array_equal(change.gathered, [2.0, 4.0])
    np.testing.assert_array_equal(change.after, [4.0, 8.0])
    assert change.sequence_nr == x.node.sequence_nr


def test_events_stand_in_the_order_in_which_they_happened() -> None:
    x, b = leaf(np.ones((2, 3))), leaf(np.ones(3))
    product = x * b
    z = product.sum()
    z.backward(retain_graph=True)
    (run,) = z.node.extra.runs
    assert run.complete and run.seed.tolist() == 1.0
    ran = [event.sequence_nr for event in run.events if isinstance(event, Ran)]
    assert ran == [z.node.sequence_nr, product.node.sequence_nr]
    sent = [event for event in run.events if isinstance(event, Sent)]
    assert [(event.sequence_nr, event.slot) for event in sent] == [(ran[0], 0), (ran[1], 0), (ran[1], 1)]
    assert sent[2].raw_shape == (2, 3) and sent[2].share.shape == (3,)  # summed to the shape of the operand
    np.testing.assert_array_equal(sent[2].total, [2.0, 2.0, 2.0])


def test_the_latest_passes_are_kept() -> None:
    x = leaf(1.0)
    z = x * 2
    for _ in range(RUNS_KEPT + 3):
        z.backward(retain_graph=True)
    assert len(z.node.extra.runs) == RUNS_KEPT
