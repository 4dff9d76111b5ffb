import os
import threading
from pathlib import Path

from clnet.core import config
from clnet.device.icd import loader_environment, wanted_icds, write_vendors


def installation(tmp_path):
    """A prefix with Intel's library, and a system vendors folder."""
    prefix, system = tmp_path / "prefix", tmp_path / "vendors"
    (prefix / "lib").mkdir(parents=True)
    (prefix / "lib" / "libintelocl.so").touch()
    system.mkdir()
    (system / "pocl.icd").write_text("libpocl.so.2\n")
    return prefix, system


def settings(tmp_path, **more):
    return config.read({"CLNET_CACHE_DIR": str(tmp_path / "cache")} | more)


def test_the_wheel_and_the_system_are_offered(tmp_path):
    prefix, system = installation(tmp_path)
    wanted = wanted_icds(settings(tmp_path), prefix, system)
    assert sorted(wanted.values()) == sorted(
        ["libpocl.so.2", str(prefix / "lib" / "libintelocl.so")])


def test_a_library_is_offered_once(tmp_path):
    prefix, system = installation(tmp_path)
    library = prefix / "lib" / "libintelocl.so"
    (system / "intel.icd").write_text(str(library))
    assert len(wanted_icds(settings(tmp_path), prefix, system)) == 2


def test_extra_libraries(tmp_path):
    prefix, system = installation(tmp_path)
    extra = settings(tmp_path, CLNET_ICD_EXTRA="/opt/one.so:/opt/two.so")
    assert {"/opt/one.so", "/opt/two.so"} <= set(wanted_icds(extra, prefix, system).values())


def test_nothing_installed(tmp_path):
    assert wanted_icds(settings(tmp_path), tmp_path, tmp_path / "absent") == {}


def test_the_folder_holds_what_is_wanted(tmp_path):
    wanted = {"a.icd": "/a.so", "b.icd": "/b.so"}
    folder = write_vendors(wanted, tmp_path)
    assert {path.name: path.read_text().strip() for path in folder.iterdir()} == wanted
    assert write_vendors(wanted, tmp_path) == folder
    assert write_vendors({"a.icd": "/a.so"}, tmp_path) != folder
    assert not list(tmp_path.glob(".vendors-*"))


def test_a_damaged_folder_is_made_good(tmp_path):
    wanted = {"a.icd": "/a.so", "b.icd": "/b.so"}
    folder = write_vendors(wanted, tmp_path)
    (folder / "a.icd").write_text("/elsewhere.so")
    (folder / "b.icd").unlink()
    (folder / "c.icd").write_text("/c.so")
    write_vendors(wanted, tmp_path)
    assert {path.name: path.read_text().strip() for path in folder.iterdir()} == wanted


def test_processes_may_write_at_the_same_time(tmp_path):
    wanted = {f"{n}.icd": f"/{n}.so" for n in range(20)}
    failures = []

    def write():
        try:
            folder = write_vendors(wanted, tmp_path)
            found = {path.name: path.read_text().strip() for path in folder.iterdir()}
            assert found == wanted
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_environment_is_restored(tmp_path):
    before = dict(os.environ)
    with loader_environment(settings(tmp_path)):
        assert os.environ["OCL_ICD_VENDORS"].startswith(str(tmp_path / "cache" / "vendors-"))
    assert dict(os.environ) == before


def test_the_user_s_choice_is_left_alone(tmp_path):
    chosen = settings(tmp_path, OCL_ICD_VENDORS=str(tmp_path))
    before = dict(os.environ)
    with loader_environment(chosen):
        assert dict(os.environ) == before
    assert not (tmp_path / "cache").exists()


def test_an_unwritable_cache_costs_no_device(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with loader_environment(settings(tmp_path)):
        assert Path(os.environ["OCL_ICD_VENDORS"]).is_dir()
