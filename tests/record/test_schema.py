"""The JSON Schema accepts every record, and nothing that the reader accepts goes beyond it."""

from __future__ import annotations

import copy
import json
import random

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grad_engine.record import (
    GraphRecord,
    from_json,
    to_json,
)
from tests.records import (
    ALL,
    SCHEMA,
    VALIDATOR,
    at,
    document,
    everything,
    neuron,
    outcome,
    places,
)


@pytest.mark.parametrize("record", ALL.values(), ids=ALL)
def test_text_is_strict_json_that_the_schema_accepts(record: GraphRecord) -> None:
    def refuse(word: str) -> None:
        pytest.fail(f"{word} is no JSON")

    VALIDATOR.validate(json.loads(to_json(record), parse_constant=refuse))


def test_schema_is_sound() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_reader_is_no_laxer_than_the_schema(dice: random.Random) -> None:
    """Values of a real record exchanged among each other: right types in wrong places."""
    damaged = document(everything() if dice.random() < 0.7 else neuron())
    for _ in range(dice.randint(1, 3)):
        (first, _), (_, value) = (dice.choice(list(places(damaged))) for _ in range(2))
        at(damaged, first[:-1])[first[-1]] = copy.deepcopy(value)
    result = outcome(json.dumps(damaged))
    if isinstance(result, GraphRecord):
        assert VALIDATOR.is_valid(damaged)
        assert from_json(to_json(result)) == result
