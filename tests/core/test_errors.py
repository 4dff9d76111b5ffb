import subprocess
import sys

import pytest

from clnet.core import errors


def test_codes_are_stable_positive_and_distinct():
    codes = {
        errors.fault_code(op, kind) for op in ("gather", "embedding") for kind in errors.FAULT_KINDS
    }
    assert len(codes) == 2 * len(errors.FAULT_KINDS)
    assert all(0 < code < 2**31 for code in codes)
    assert errors.fault_code("gather", "index") == errors.fault_code("gather", "index")


def test_codes_are_the_same_in_every_process():
    program = "from clnet.core.errors import fault_code; print(fault_code('gather', 'index'))"
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(other.stdout) == errors.fault_code("gather", "index")


@pytest.mark.parametrize(("kind", "exception"), [
    ("index", IndexError), ("zero_division", RuntimeError), ("probability", RuntimeError),
    ("not_positive_definite", errors.LinAlgError),
])
def test_faults_are_raised_by_the_name_of_the_op(kind, exception):
    with pytest.raises(exception, match="gather"):
        errors.raise_fault(errors.fault_code("gather", kind), 7)


def test_an_index_fault_tells_the_index():
    with pytest.raises(IndexError, match="gather: index -9 is out of range"):
        errors.raise_fault(errors.fault_code("gather", "index"), -9)


def test_an_unknown_code_is_reported():
    with pytest.raises(RuntimeError, match="unknown fault 3"):
        errors.raise_fault(3, 0)


def test_an_unknown_kind_is_an_error():
    with pytest.raises(KeyError, match="no_such_kind"):
        errors.fault_code("gather", "no_such_kind")


def test_codes_that_collide_are_kept_apart(monkeypatch):
    monkeypatch.setattr(errors.zlib, "crc32", lambda data: 0)
    table = errors.FaultTable()
    first, second = table.code("a", "index"), table.code("b", "index")
    assert first != second
    assert "a:" in str(table.exception(first, 1))
    assert "b:" in str(table.exception(second, 1))
