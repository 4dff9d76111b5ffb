"""Every operator is declared completely."""

import pytest

from tests.registry.cases import OPS, op_name, samples

every_op = pytest.mark.parametrize("op", OPS, ids=op_name)


@every_op
def test_it_has_samples(op):
    assert samples(op), "give it samples"
    assert any(sample.arrays() for sample in samples(op)) or op.family == "creation"


@every_op
def test_it_has_a_reference(op):
    assert op.random or op.reference is not None, "give it a NumPy reference"


@every_op
def test_it_is_documented(op):
    assert op.doc.strip().endswith((".", ")", ":")) or "\n" in op.doc, "give it a docstring"
