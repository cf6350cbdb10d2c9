"""Rows 8, 9 and 15 of the faults, without a GPU: provider and memory of a session are acted."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genlab import load
from genlab.contract.card import Card, Space
from genlab.contract.limits import HEAVY_JOBS, MAX_SESSION_BYTES, MAX_SESSIONS
from genlab.runtime import devices, graphs, jobs
from genlab.runtime.devices import Device, choose_device
from genlab.runtime.errors import Busy, NoGpuError, OutOfMemoryError, RunError
from genlab.runtime.sessions import CACHE, Session, SessionCache, build, heavy
from tests.toys import points


class ActedSession:
    """What onnxruntime would give: a real CPU session under any provider's name.

    Runs of more than `room` rows end as they do on a full GPU.
    """

    def __init__(self, data: bytes, provider: str, room: float) -> None:
        import onnxruntime

        self.real = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        self.provider, self.room, self.rows = provider, room, list[int]()

    def get_providers(self) -> list[str]:
        return [self.provider, "CPUExecutionProvider"]

    def get_overridable_initializers(self) -> Any:
        return self.real.get_overridable_initializers()

    def run(self, fetch: Sequence[str], feeds: dict[str, np.ndarray]) -> Any:
        rows = len(next(iter(feeds.values())))
        self.rows.append(rows)
        if rows > self.room:
            raise RuntimeError("CUDA error: Failed to allocate memory for requested buffer")
        return self.real.run(fetch, feeds)


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, ActedSession]]]:
    """Pretend that there is a GPU, with room for some rows; returns the sessions made."""

    def start(
        room: float, provider: str = "CUDAExecutionProvider"
    ) -> list[tuple[str, ActedSession]]:
        made: list[tuple[str, ActedSession]] = []

        def make(data: bytes, granted: str) -> Session:
            cpu = granted == "cpu"
            name = "CPUExecutionProvider" if cpu else provider
            acted = ActedSession(data, name, float("inf") if cpu else room)
            made.append((granted, acted))
            return Session(acted)

        monkeypatch.setattr(graphs, "build", make)
        monkeypatch.setattr(devices, "missing_cuda", lambda: "")
        return made

    return start


def test_a_gpu_that_is_granted_does_the_work(shared_models: Path, act: Any) -> None:
    made = act(room=float("inf"))
    model = load("toy-flow", folders=[shared_models])
    model.sample(2_500)
    assert model.device == Device("auto", "cuda")
    assert [(granted, acted.rows) for granted, acted in made] == [
        ("cuda", [2, 3, 1000, 1000, 500])  # the smoke run of the verb, then the chunks
    ]


def test_a_gpu_gets_more_images_at_once_than_a_core(shared_models: Path) -> None:
    card = load("toy-flow", folders=[shared_models]).card
    assert jobs.chunk_rows(card, "cpu") == jobs.chunk_rows(card, "cuda") == 1_000
    space = Space(shape=(1, 28, 28), kind="image")
    images = card.model_copy(update={"spaces": {"data": space}})
    assert jobs.chunk_rows(images, "cpu") == 8
    assert jobs.chunk_rows(images, "cuda") == 512


def test_out_of_memory_rebuilds_and_halves_the_chunk_once(shared_models: Path, act: Any) -> None:
    made = act(room=600)
    model = load("toy-flow", folders=[shared_models])
    x = model.sample(1_200, seed=1)
    assert model.device == Device("auto", "cuda")
    assert [(granted, acted.rows[2:]) for granted, acted in made] == [
        ("cuda", [1000]),
        ("cuda", [500, 500, 200]),
    ]
    np.testing.assert_array_equal(x, load("toy-flow", folders=[shared_models]).sample(1_200, 1))


def test_a_gpu_too_small_leaves_the_job_to_the_cpu_and_says_so(
    shared_models: Path, act: Any
) -> None:
    made = act(room=400)
    model = load("toy-flow", folders=[shared_models])
    assert model.sample(1_200).shape == (1_200, 2)
    assert [granted for granted, _ in made] == ["cuda", "cuda", "cpu"]
    assert model.device.granted == "cpu"
    assert model.device.requested == "auto"
    assert "out of memory" in model.device.reason
    model.sample(100)  # the next job is tried on the GPU again
    assert model.device == Device("auto", "cuda")


def elsewhere(do: Callable[[], Any]) -> Any:
    """What another thread, another visitor, gets."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(do).result()


def test_a_visitor_is_not_told_of_the_fall_back_of_another(shared_models: Path, act: Any) -> None:
    act(room=400)
    model = load("toy-flow", folders=[shared_models])

    def large() -> Device:
        model.sample(1_200)
        return model.device

    assert "out of memory" in elsewhere(large).reason
    assert model.device == Device("auto", "cuda")
    model.sample(1_200)

    def small() -> Device:
        model.sample(100)
        return model.device

    assert elsewhere(small) == Device("auto", "cuda")
    assert "out of memory" in model.device.reason  # this thread's own last run


def test_what_onnxruntime_grants_is_told_to_every_visitor(shared_models: Path, act: Any) -> None:
    """Row 8: the silent fall-back is the machine's, not one visitor's."""
    act(room=float("inf"), provider="CPUExecutionProvider")
    model = load("toy-flow", folders=[shared_models], device="cuda")
    elsewhere(lambda: model.sample(3))
    assert "could not start CUDA" in model.device.reason
    assert model.at(0).device == model.device


def test_a_required_gpu_is_not_replaced_by_the_cpu(
    shared_models: Path, act: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(room=400)
    monkeypatch.setenv("GENLAB_REQUIRE_GPU", "1")
    model = load("toy-flow", folders=[shared_models])
    with pytest.raises(NoGpuError, match="out of memory"):
        model.sample(1_200)


def test_the_silent_fall_back_to_the_cpu_is_said(
    shared_models: Path, act: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 8: CUDA was asked for and the session's own providers say CPU."""
    act(room=float("inf"), provider="CPUExecutionProvider")
    model = load("toy-flow", folders=[shared_models], device="cuda").open()
    assert (model.device.requested, model.device.granted) == ("cuda", "cpu")
    assert "could not start CUDA" in model.device.reason
    monkeypatch.setenv("GENLAB_REQUIRE_GPU", "1")
    with pytest.raises(NoGpuError, match="could not start CUDA"):
        load("toy-flow", folders=[shared_models], device="cuda").open()


def test_a_machine_without_a_gpu(shared_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "missing_cuda", lambda: "no NVIDIA GPU or driver was found")
    assert choose_device("cpu") == Device("cpu", "cpu")
    for requested in ("auto", "cuda"):
        device = choose_device(requested)
        assert device == Device(requested, "cpu", "no NVIDIA GPU or driver was found")
    monkeypatch.setenv("GENLAB_REQUIRE_GPU", "1")
    for requested in ("auto", "cuda", "cpu"):
        with pytest.raises(NoGpuError, match="no GPU was granted"):
            load("toy-flow", folders=[shared_models], device=requested)


def test_a_driver_that_reports_no_gpu_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    for count, told in ((0, "no NVIDIA GPU"), (None, "driver failed")):
        devices.missing_cuda.cache_clear()
        monkeypatch.setattr(devices, "_gpus", lambda count=count: count)
        assert told in devices.missing_cuda()
    devices.missing_cuda.cache_clear()


def test_out_of_memory_on_the_cpu_is_a_run_error(shared_models: Path) -> None:
    data = (shared_models / "toy-flow" / "forward.onnx").read_bytes()
    session = Session(ActedSession(data, "CPUExecutionProvider", room=1))
    with pytest.raises(OutOfMemoryError, match="the machine has too little memory"):
        session.run(["x"], {"z": np.zeros((2, 2), np.float32)})
    assert session.run(["x"], {"z": np.zeros((1, 2), np.float32)})[0].shape == (1, 2)


def test_onnxruntime_refuses_in_one_line() -> None:
    with pytest.raises(RunError) as caught:
        build(b"not a graph", "cpu")
    assert "\n" not in str(caught.value)


class Made:
    """Stands for a session."""

    def __init__(self, size: int = 1) -> None:
        self.size = size


def test_graphs_of_many_bytes_make_room_and_the_latest_stays() -> None:
    cache = SessionCache(limit=5, most=100)

    def here() -> list[str]:
        return [key[0] for key in cache._places]

    for name, size in [("a", 40), ("b", 40), ("c", 20)]:
        cache.get((name, ("x",), False, "cpu"), lambda size=size: Made(size))
    assert here() == ["a", "b", "c"]
    cache.get(("d", ("x",), False, "cpu"), lambda: Made(50))  # type: ignore[arg-type,return-value]
    assert here() == ["c", "d"]
    cache.get(("e", ("x",), False, "cpu"), lambda: Made(101))  # type: ignore[arg-type,return-value]
    assert here() == ["e"]
    assert CACHE.most == MAX_SESSION_BYTES


def test_the_cache_is_bounded_and_forgets_the_least_recent() -> None:
    cache = SessionCache(limit=2)
    made: list[int] = []

    def get(step: int) -> Session:
        def make() -> Any:
            made.append(step)
            return Made()

        return cache.get(("sha", step, "cpu"), make)

    first = get(1)
    get(2)
    assert get(1) is first  # now 2 is the least recent
    get(3)
    assert get(1) is first
    get(2)
    assert made == [1, 2, 3, 2]
    assert len(cache) == 2
    cache.drop(("sha", 2, "cpu"))
    assert len(cache) == 1
    assert CACHE.limit == MAX_SESSIONS


def test_a_session_is_made_once_however_many_ask() -> None:
    cache, made, gate = SessionCache(), [], threading.Event()

    def make() -> Any:
        gate.wait(5)
        made.append(1)
        return Made()

    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(cache.get(("a", None, "cpu"), make)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(set(map(id, found))) == 1


class Watched:
    """A lock that calls somebody right after it was released."""

    def __init__(self) -> None:
        self.lock, self.then = threading.Lock(), list[Callable[[], None]]()

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *error: object) -> None:
        self.lock.release()
        if self.then:
            self.then.pop()()


@pytest.mark.parametrize("releases", range(3))
def test_there_is_no_gap_between_making_a_session_and_having_it(
    monkeypatch: pytest.MonkeyPatch, releases: int
) -> None:
    """Whoever asks in between two steps of the first maker gets the first maker's session."""
    cache, watched, made, found = SessionCache(), Watched(), list[object](), list[object]()
    monkeypatch.setattr(cache, "_lock", watched)
    key = ("sha", ("x",), False, "cpu")

    def second() -> None:
        thread = threading.Thread(target=lambda: found.append(cache.get(key, make)))
        thread.start()
        thread.join(5)
        assert not thread.is_alive()

    def make() -> Any:
        made.append(Made())
        if len(made) == 1:  # ask after one of the releases of the lock that still come
            watched.then += [second] + [lambda: None] * releases
        return made[-1]

    first = cache.get(key, make)
    while watched.then:
        cache.get(key, make)
    assert made == [first]
    assert found == [first]


def test_those_who_wait_for_a_maker_that_fails_make_one_session_together() -> None:
    """A newcomer and a thread that waited through the failure may not both make one."""
    cache, key = SessionCache(), ("sha", ("x",), False, "cpu")
    inside, most, made = list[int](), list[int](), list[int]()
    began, go = threading.Event(), threading.Event()

    def fail() -> Any:
        began.set()
        go.wait(5)
        raise RunError("no")

    def make() -> Any:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.01)  # long enough for a second maker to be seen
        made.append(1)
        inside.pop()
        return Made()

    def expect_failure() -> None:
        with pytest.raises(RunError):
            cache.get(key, fail)

    failing = threading.Thread(target=expect_failure)
    failing.start()
    began.wait(5)
    others = [threading.Thread(target=lambda: cache.get(key, make)) for _ in range(8)]
    for thread in others[:4]:
        thread.start()
    go.set()
    for thread in others[4:]:
        thread.start()
    for thread in [failing, *others]:
        thread.join(5)
    assert made == [1]
    assert max(most) == 1


def test_a_failure_to_make_a_session_is_not_remembered() -> None:
    cache = SessionCache()

    def fail() -> Any:
        raise RunError("no")

    with pytest.raises(RunError):
        cache.get(("a", None, "cpu"), fail)
    session: Any = Made()
    assert cache.get(("a", None, "cpu"), lambda: session) is session  # type: ignore[arg-type]


def test_what_fails_or_is_being_made_takes_no_place_from_others() -> None:
    cache, made, gate, slow = SessionCache(limit=2), list[str](), threading.Event(), []

    def get(name: str, wait: bool = False) -> Any:
        def make() -> Any:
            made.append(name)
            assert not wait or gate.wait(5)
            if name.startswith("broken"):
                raise RunError("no")
            return Made()

        return cache.get((name, ("x",), False, "cpu"), make)

    for name in ("a", "b", "broken 1", "broken 2", "broken 3", "a", "b"):
        with suppress(RunError):
            get(name)
    assert made == ["a", "b", "broken 1", "broken 2", "broken 3"]
    assert len(cache) == 2
    first, second = (threading.Thread(target=lambda: slow.append(get("slow", True))) for _ in "12")
    first.start()
    get("c")
    get("d")
    second.start()
    gate.set()
    for thread in (first, second):
        thread.join(5)
    assert slow[0] is slow[1]
    assert made.count("slow") == 1


@pytest.fixture
def two_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A pool of two threads for chunks; the list tells, at each chunk handed in, how many wait."""
    pool, waiting = ThreadPoolExecutor(2), list[int]()

    class Counting:
        def submit(self, *job: Any) -> Any:
            future = pool.submit(*job)
            waiting.append(pool._work_queue.qsize())
            return future

    counting = Counting()
    monkeypatch.setattr(jobs, "_workers", lambda: counting)
    monkeypatch.setattr(jobs, "WORKERS", 2, raising=False)
    yield waiting
    pool.shutdown()


def test_a_large_job_leaves_room_in_the_queue(two_workers: list[int]) -> None:
    def run(start: int) -> list[np.ndarray]:
        time.sleep(0.001 * (start % 3))  # so that chunks end in another order
        return [np.array([start])]

    parts = jobs._in_parallel(run, range(200))
    assert [int(part[0][0]) for part in parts] == list(range(200))
    assert len(two_workers) == 200
    assert max(two_workers) <= 4


def test_nothing_runs_after_the_first_failure_is_told(two_workers: list[int]) -> None:
    beside, began, ended = threading.Event(), list[int](), list[int]()

    def run(start: int) -> list[np.ndarray]:
        began.append(start)
        if start == 5:
            beside.wait(5)
            raise RunError("no")
        if start == 6:
            beside.set()
            time.sleep(0.1)  # still at work when chunk 5 fails
        ended.append(start)
        return [np.array([start])]

    with pytest.raises(RunError):
        jobs._in_parallel(run, range(200))
    assert set(began) - set(ended) == {5}
    assert max(began) < 5 + 4


def test_heavy_jobs_are_few_and_the_others_are_told() -> None:
    """Row 15: a place is free again when its job ends, also when it fails."""
    held = [heavy(0.01) for _ in range(HEAVY_JOBS)]
    for place in held:
        place.__enter__()
    with pytest.raises(Busy, match="try again"), heavy(0.01):
        pass
    held[0].__exit__(None, None, None)
    with pytest.raises(ZeroDivisionError), heavy(0.01):
        _ = 1 / 0
    with heavy(0.01):
        pass
    for place in held[1:]:
        place.__exit__(None, None, None)


def test_another_card_over_an_open_graph_is_judged_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []
    real = graphs.smoke

    def smoke(card: Card, *given: Any) -> Any:
        judged.append(str(card.latent and card.latent.law))
        return real(card, *given)

    monkeypatch.setattr(graphs, "smoke", smoke)
    points.gan("true-gan", [1, 1], [0, 0], [1, 1], 0.0).publish(tmp_path / "here")
    for place, law in (("here", "normal"), ("there", "normal"), ("elsewhere", "uniform")):
        folder = tmp_path / place
        if place != "here":
            shutil.copytree(tmp_path / "here", folder)
        card = json.loads((folder / "true-gan" / "card.json").read_text())
        card["latent"]["law"] = law
        (folder / "true-gan" / "card.json").write_text(json.dumps(card))
        load("true-gan", device="cpu", folders=[folder]).sample(2)
    assert judged == ["normal", "uniform"]
