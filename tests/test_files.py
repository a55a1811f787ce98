"""Tensors on their way out of the program and in: files, other libraries, and the memory they live in."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

import grad_engine as ge
from grad_engine.errors import MissingTensorFileError
from grad_engine.interop import from_torch_tensor, to_torch

TENSORS: dict[str, Any] = {
    "layer0.weight": ge.randn(3, 4, seed=1, requires_grad=True),
    "a/b": np.arange(3, dtype=np.int8),
    "x.npy": np.float16(2),
    "file": True,
    "é[red] 名": np.zeros((0, 3)),
    "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "a view": np.arange(16.0).reshape(4, 4)[::2, ::-1],
    "other bytes": np.arange(3, dtype=">f4"),
    "not finite": np.array([np.nan, np.inf, -0.0]),
    "0": 1.5,
}


def array(value: Any) -> np.ndarray:
    return value.data if isinstance(value, ge.Tensor) else np.asarray(value)


# --- files ----------------------------------------------------------------------------------------------------------


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = ge.save(TENSORS, tmp_path / "new folder" / "weights.npz")
    loaded = ge.load(path)
    assert list(loaded) == list(TENSORS)
    for name, tensor in loaded.items():
        expected = array(TENSORS[name])
        assert tensor.shape == expected.shape and tensor.dtype == expected.dtype.newbyteorder("=")
        assert not tensor.requires_grad and tensor.data.dtype.isnative and tensor.data.flags.writeable
        np.testing.assert_array_equal(tensor.data, expected)
    assert np.signbit(loaded["not finite"].data[2])
    assert ge.load(ge.save({}, tmp_path / "nothing")) == {}


def test_numpy_reads_it_and_what_numpy_wrote_is_read(tmp_path: Path) -> None:
    path = ge.save(TENSORS, tmp_path / "t.npz")
    with np.load(path, allow_pickle=False) as archive:
        for name, value in TENSORS.items():
            np.testing.assert_array_equal(archive[name], array(value))
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "n.npz", w=np.ones((2, 3)), b=np.arange(3))
        loaded = ge.load(tmp_path / "n.npz")
        assert loaded["w"].tolist() == [[1, 1, 1], [1, 1, 1]] and loaded["b"].dtype == np.int64


def test_equal_tensors_make_equal_files(tmp_path: Path) -> None:
    first, second = (ge.save(TENSORS, tmp_path / name).read_bytes() for name in ("a.npz", "b.npz"))
    assert first == second


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.npz"
    ge.save({"w": np.ones(3)}, path)
    link = tmp_path / "link.npz"
    link.symlink_to(path)
    ge.save({"w": np.zeros(3)}, link)
    assert link.is_symlink() and ge.load(path)["w"].tolist() == [0, 0, 0]

    def fails(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(KeyboardInterrupt):
        ge.save({"w": np.full(3, 7.0)}, path)
    assert ge.load(path)["w"].tolist() == [0, 0, 0]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.npz", "w.npz"]


def test_a_checkpoint_of_dicts_comes_back_as_it_was(tmp_path: Path) -> None:
    model = ge.nn.Linear(2, 3)
    optimizer = ge.optim.Adam(model.parameters())
    model(ge.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoint = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.25, "arch": "linear",
        "losses": [1.0, 0.5], "deeper": {"a": {"b": np.arange(3)}, "none": None}, "deeper/a/b": ge.ones(1),
    }  # fmt: skip
    found = ge.load(ge.save(checkpoint, tmp_path / "c.pth"), map_location="cpu", weights_only=True)
    assert [*found] == [*checkpoint] and (found["epoch"], found["best"], found["arch"]) == (3, 0.25, "linear")
    assert found["losses"] == [1.0, 0.5] and found["deeper"]["none"] is None
    assert found["deeper"]["a"]["b"].tolist() == [0, 1, 2] and found["deeper/a/b"].tolist() == [1]
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    with np.load(tmp_path / "c.pth") as archive:
        assert "model/weight" in archive
    ge.save({".structure": ge.ones(2)}, tmp_path / "odd.npz")
    with pytest.raises(ge.errors.TensorFileError, match="does not fit the others"):
        ge.load(tmp_path / "odd.npz")


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ([1.0], "takes a tensor or a dict of tensors, got list"),
        ({1: 1.0}, "names that are words, got 1"),
        ({"": 1.0}, "1 to 1000 Unicode characters"),
        ({"a" * 1001: 1.0}, "1 to 1000 Unicode characters"),
        ({"a\0b": 1.0}, "none of them null"),
        ({"\ud800": 1.0}, "Unicode"),
        ({"layer": {"w": object()}}, "'layer/w' is a object; save its state_dict"),
        ({"layer": {1: 1.0}}, "names that are words, got 1"),
        ({"w": [1.0]}, "'w' is a list"),
        ({"w": 1j}, "complex"),
    ],
)
def test_only_tensors_by_name_are_saved(tmp_path: Path, tensors: Any, words: str) -> None:
    with pytest.raises(ge.ArgumentError, match=words):
        ge.save(tensors, tmp_path / "w.npz")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(ge.TensorFileError, match="got that of a folder"):
        ge.save({"w": 1.0}, tmp_path)


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("exploded",)


def _objects(path: Path) -> None:
    np.savez(path, w=np.array([Bomb()]))


def _promises(path: Path) -> None:
    """A header that claims far more than there is."""
    with zipfile.ZipFile(path, "w") as archive, archive.open("w.npy", "w") as member:
        npy.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (10**14,)})
        member.write(bytes(32))


def _strangers(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def _twice(path: Path) -> None:
    ge.save({"a": 1.0, "b": 2.0}, path)
    path.write_bytes(path.read_bytes().replace(b"b.npy", b"a.npy"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_objects, "holds object, and a tensor holds real numbers"),
        (lambda path: np.savez(path, w=np.array(["a"])), "holds <U1"),
        (lambda path: np.savez(path, w=np.array([1j])), "holds complex128"),
        (_promises, "promises float64 of shape"),
        (_strangers, "expected arrays only, got 'readme.txt'"),
        (_twice, "two arrays of one name"),
        (lambda path: path.write_bytes(b""), "expected an .npz file"),
        (lambda path: path.write_text("PK words"), "expected an .npz file"),
        (lambda path: path.write_bytes(npy.magic(1, 0)), "expected an .npz file"),
        (lambda path: path.mkdir(), "expected an .npz file"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Any], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.npz"
    make(path)
    with pytest.raises(ge.TensorFileError, match=words) as caught:
        ge.load(path)
    assert str(caught.value).startswith(str(path))
    assert not (tmp_path / "exploded").exists()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingTensorFileError, match="no such file") as caught:
        ge.load(tmp_path / "w.npz")
    assert isinstance(caught.value, FileNotFoundError) and isinstance(caught.value, ge.TensorFileError)


def test_damaged_files_are_refused_or_right(tmp_path: Path) -> None:
    """Cut anywhere, or a few bytes changed: an error of ours, or the numbers that were saved."""
    whole = ge.save(TENSORS, tmp_path / "w.npz").read_bytes()
    path, rng, refused = tmp_path / "d.npz", np.random.default_rng(0), 0
    values = [array(value).tobytes() for value in ge.load(tmp_path / "w.npz").values()]
    for case in range(1000):
        damaged = bytearray(whole[: rng.integers(len(whole))] if case % 4 == 0 else whole)
        for _ in range(case % 4):
            damaged[rng.integers(len(damaged))] = rng.integers(256)
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy wonders about odd headers before it refuses them
            try:
                loaded = ge.load(path)
            except ge.TensorFileError:
                refused += 1
                continue
        assert [array(value).tobytes() for value in loaded.values()] == values[: len(loaded)]
    assert 500 < refused < 1000


# --- other libraries ------------------------------------------------------------------------------------------------


def test_dlpack_shares_memory_both_ways() -> None:
    x = ge.tensor([1.0, 2.0])
    out, back = np.from_dlpack(x), ge.from_dlpack(x, requires_grad=True)
    x.data[0] = 5.0
    assert out[0] == 5.0 and back.data[0] == 5.0 and back.requires_grad
    assert ge.from_dlpack(np.arange(3)).dtype == np.int64


@pytest.mark.parametrize(
    ("program", "kind", "words"),
    [
        (lambda: np.from_dlpack(ge.tensor([1.0], requires_grad=True)), ge.GraphError, "pass t.detach"),
        (lambda: ge.from_dlpack([1.0]), ge.ArgumentError, "list does not share its memory"),
        (lambda: ge.from_dlpack(np.array([1j])), ge.ArgumentError, "complex"),
        (lambda: ge.from_dlpack(np.arange(3), requires_grad=True), ge.NotDifferentiableError, "int64"),
    ],
)
def test_dlpack_refusals(program: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        program()


def test_torch_tensors_come_and_go() -> None:
    torch = pytest.importorskip("torch")
    t = torch.arange(4.0, dtype=torch.float32)
    x = from_torch_tensor(t, requires_grad=True)
    y = torch.from_dlpack(x.detach())
    z = to_torch(x.detach(), requires_grad=True)
    t[0] = 9.0
    assert x.dtype == np.float32 and x.requires_grad and z.requires_grad
    assert x.data[0] == 9.0 and y[0] == 9.0 and z[0] == 9.0 and ge.from_dlpack(t).data[0] == 9.0
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    for unusual in (frozen, np.arange(3.0)[::-1], np.array(2.0), np.zeros((0, 2))):
        copied = to_torch(ge.from_numpy(unusual))
        np.testing.assert_array_equal(copied.numpy(), unusual)
    for program, kind, words in [
        (lambda: to_torch(x), ge.GraphError, "detach"),
        (lambda: to_torch(np.ones(2)), ge.ArgumentError, "torch.from_numpy"),
        (lambda: to_torch(ge.tensor(1.0, dtype=np.longdouble)), ge.ArgumentError, "astype"),
        (lambda: from_torch_tensor(z), ge.GraphError, "detach"),
        (lambda: ge.from_dlpack(z), ge.ArgumentError, "without history"),
        (lambda: from_torch_tensor(np.ones(2)), ge.ArgumentError, "got ndarray"),
        (lambda: from_torch_tensor(torch.zeros(2, dtype=torch.bfloat16)), ge.ArgumentError, "BFloat16"),
        (lambda: from_torch_tensor(torch.zeros(2, dtype=torch.complex64)), ge.ArgumentError, "complex64"),
        (lambda: from_torch_tensor(torch.eye(2).to_sparse()), ge.ArgumentError, "dense"),
    ]:
        with pytest.raises(kind, match=words):
            program()


def test_without_torch_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for program in (lambda: to_torch(ge.tensor(1.0)), lambda: from_torch_tensor(1.0)):
        with pytest.raises(ge.MissingPackageError, match="pip install torch"):
            program()


# --- memory ---------------------------------------------------------------------------------------------------------


def minor_faults(program: str, **environment: str) -> int:
    """How many pages a process touched anew while it ran `program` under a fresh engine."""
    code = f"""
import resource
import numpy as np
import grad_engine as ge
{program}
x = np.ones(1 << 20)
x + x
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    x + x
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


LARGE_OPERAND = "ge.grad(lambda w: (w * np.ones(10_000)).sum())(2.0)"
OPTIMISER = "ge.optim.SGD([ge.zeros(2, requires_grad=True)])"


@pytest.mark.skipif(not ge.core.allocator._is_glibc(), reason="only glibc has this setting")
def test_the_allocator_is_tuned_on_request_and_for_training() -> None:
    """The pages of an array of 8 MB: given back and fetched again each time, or kept."""
    pages = {
        "asked": minor_faults("assert ge.tune_allocator()"),
        "asked by environment": minor_faults("", GRAD_ENGINE_MALLOC="1"),
        "by an optimiser": minor_faults(OPTIMISER, GRAD_ENGINE_MALLOC=""),
        "by a large operand": minor_faults(LARGE_OPERAND, GRAD_ENGINE_MALLOC=""),
        "not asked": minor_faults("", GRAD_ENGINE_MALLOC=""),
        "forbidden": minor_faults(f"{OPTIMISER}; {LARGE_OPERAND}", GRAD_ENGINE_MALLOC="0"),
    }
    for how in ("asked", "asked by environment", "by an optimiser", "by a large operand"):
        assert pages[how] < pages["not asked"] / 4, pages
    assert pages["forbidden"] > pages["not asked"] / 2, pages


def test_elsewhere_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "confstr", lambda _: None, raising=False)
    assert ge.tune_allocator() is False
    monkeypatch.delattr(os, "confstr")
    assert ge.tune_allocator() is False


def test_one_tensor_comes_back_as_one(tmp_path: Path) -> None:
    x = ge.tensor([[1.5, 2.5]], dtype=np.float32, requires_grad=True)
    found = ge.load(ge.save(x, tmp_path / "x.pt"))
    assert isinstance(found, ge.Tensor) and found.tolist() == [[1.5, 2.5]] and found.dtype == np.float32
    assert not found.requires_grad and ge.load(ge.save({"tensor": x}, tmp_path / "d.pt"))["tensor"].shape == (1, 2)
