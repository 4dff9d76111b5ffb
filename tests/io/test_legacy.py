"""Files in PyTorch's format from before version 1.6."""
from __future__ import annotations

import base64
import io
import pickle
import zlib
from collections import OrderedDict

import numpy as np
import pytest

import clnet
from clnet import nn
from clnet.io.pickler import CheckpointPickler
from clnet.io.unpickler import DataUnpickler, LoadedStorage

# torch.save(..., _use_new_zipfile_serialization=False) of PyTorch 2.13: a tensor, its transpose, a
# parameter on its last row, bfloat16, a conjugated complex tensor, an OrderedDict.
FILE = zlib.decompress(base64.b85decode(
    'c-'
    'noEOK;Oa5XaYc9$;uGZ_2a0!z(1s%bchH^|InobMXaP#$MH~TyJK*DFrD~E(s~0fdfZA249DdfW(2>b)iHGth^)5c>Mp(jAvwive'
    'TcR*MF>ReSNiDADPd;TWE(sYTgndq%XMSAy54sCh~-'
    '5U|@o`fN#=7%9Qymi;^G%bL!a`l<)h@&yx=<2WtqWnpehP9&;g~Oij;1FUcfSXvr%n4W4a6m6isB-'
    '%JCeyI_Qpi!iSH1DT|`?F;sHkff0>S(bC*@2uKj)@oi=iDPE4$-'
    'pW;vDZ@`$k#>ChLX34Igi@ChJ&}`v^tG8lyx0pe}HvVUP!2JP(n>=P2do<s4;=Vdm*-'
    '*vQT2jx&2Z^Ot9!#5=tBFJ1!iNaMXnbU95z~7;A~GcrNQ$Tridt!=mN{j#ERSPVB`>>ZF8IE}YgC3H}bw{G;=JAcAcsnXuvP|9I#'
    '2dCMC}v&L|q8e_Onur5lt<ih2tcCLJc6&J4R9%8swXztJOi5_CJ`)7>T4^S<q-'
    'Eex2<G>9>nTWcn$2W#s3U#|c)g++3tJOoeH>3WPZ}(HSJNu*V&k&m3rfTK^5)35N6#>N`D$^(k%^|Gn9SV821+8f=q3uG)Gcm*?='
    '<1}NE+7Dh8o64rH)_S^v|`MooAc&tvAQCtGkQ$E8H5~ogsfG_-=~P-gLj1Y%i1rXgyA#'))


def test_contents():
    got = clnet.load(io.BytesIO(FILE))
    assert got["x"].tolist() == [[0, 1, 2], [3, 4, 5]] and got["t"].tolist() == got["x"].t().tolist()
    assert got["x"].storage is got["t"].storage
    assert isinstance(got["row"], nn.Parameter) and got["row"].tolist() == [3, 4, 5]
    assert got["h"].dtype is clnet.bfloat16 and got["h"].tolist() == [1, -2]
    assert got["c"].tolist() == [1 - 2j] and dict(got["od"]) == {"a": 1}
    assert clnet.load(io.BytesIO(FILE), map_location="cpu", weights_only=False)["x"].sum() == 15


def test_damage():
    for length in range(40, len(FILE), 40):
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            clnet.load(io.BytesIO(FILE[:length]))
    rng = np.random.default_rng(0)
    for _ in range(100):
        data = bytearray(FILE)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            clnet.load(io.BytesIO(bytes(data)))
        except (RuntimeError, pickle.UnpicklingError):
            pass


def test_hostile():
    header = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
    with pytest.raises(pickle.UnpicklingError, match=r"os\.system"):
        clnet.load(io.BytesIO(header + b"cos\nsystem\n(S'exit'\ntR."))


def test_parameters_of_the_first_versions():
    file = io.BytesIO()
    pickler = CheckpointPickler(file, 2)

    class Old:
        def __reduce__(self):
            return pickler._global("torch.nn.parameter", "Parameter"), (clnet.ones(2),), (False, True, OrderedDict())

    pickler.dump([Old()])
    file.seek(0)
    [got] = DataUnpickler(file, lambda kind, *_: LoadedStorage(pickler.storages[0], kind.dtype)).load()
    assert type(got) is nn.Parameter and got.tolist() == [1, 1] and not got.requires_grad
