"""Looking up a choice by name."""

from __future__ import annotations

import pytest

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup

CHOICES = {"tanh": 1, "relu": 2}


def test_a_name_gives_its_choice() -> None:
    assert lookup(CHOICES, "relu", "activation") == 2


def test_an_unknown_name_lists_the_choices_in_order_and_the_nearest() -> None:
    with pytest.raises(ArgumentError) as caught:
        lookup(CHOICES, "rleu", "activation")
    assert str(caught.value) == "activation: expected one of relu, tanh, got 'rleu'. Did you mean 'relu'?"


@pytest.mark.parametrize("name", [None, 3, ["relu"], {"relu"}])
def test_what_is_no_name_is_refused_in_the_same_words(name: object) -> None:
    with pytest.raises(ArgumentError, match="activation: expected one of relu, tanh"):
        lookup(CHOICES, name, "activation")  # type: ignore[arg-type]


def test_the_message_does_not_show_the_key_error_behind_it() -> None:
    with pytest.raises(ArgumentError) as caught:
        lookup(CHOICES, "gelu", "activation")
    assert caught.value.__suppress_context__
