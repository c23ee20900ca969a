"""Killed and resumed is bit for bit the same as never killed; a time budget is kept; Ctrl-C waits a step."""

import os
import signal
import threading
import time

import numpy as np
import pytest
import torch

from defectory.domain import CheckpointError, ParameterError, TrainingResources
from defectory.training.devices import autocast, find_device
from defectory.training.loop import fingerprint_run, train
from defectory.training.schedules import warm_up_cosine


class Fitter:
    """A small network with every kind of state that a step can depend on."""

    def __init__(self, step_s=0.0, at=None):
        self.rng = np.random.default_rng(0)
        self.noise = torch.Generator().manual_seed(1)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.network = torch.nn.Sequential(
                torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1)
            )
        self.optimizer = torch.optim.Adam(self.network.parameters())
        self.step_s, self.at, self.plans = step_s, at or {}, []

    def step(self, index, n_steps):
        self.at.get(index, lambda: None)()
        time.sleep(self.step_s)
        self.plans.append(n_steps)
        batch = torch.from_numpy(self.rng.normal(size=(6, 4)).astype(np.float32))
        batch = batch + torch.randn(batch.shape, generator=self.noise)
        for group in self.optimizer.param_groups:
            group["lr"] = 0.05 * warm_up_cosine(index, n_steps, n_warm_up=3)
        loss = (self.network(batch)[:, 0] - batch.sum(dim=1)).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item()}

    def state(self):
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.bit_generator.state,
            "noise": self.noise.get_state(),
        }

    def restore(self, state):
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = state["rng"]
        self.noise.set_state(state["noise"])

    def weights(self):
        return [tensor.tolist() for tensor in self.network.state_dict().values()]


class Heard:
    def __init__(self):
        self.stages, self.n_done, self.notes = [], 0, []

    def start(self, stage, total):
        self.stages.append((stage, total))

    def advance(self, steps=1):
        self.n_done += steps

    def note(self, text):
        self.notes.append(text)


def fail():
    raise OSError("the machine went away")


def resources(path=None, **settings):
    return TrainingResources(path, n_threads=1, device="cpu", **settings)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "a.checkpoint"


@pytest.fixture(scope="module")
def uninterrupted():
    fitter = Fitter()
    return fitter.weights(), train(fitter, 40, resources(), fingerprint="a"), fitter.weights()


def test_training_moves_the_weights_and_reports_falling_losses(uninterrupted):
    before, run, after = uninterrupted
    assert before != after
    assert (run.n_steps, run.n_planned, run.n_resumed) == (40, 40, 0)
    assert [entry["step"] for entry in run.history] == list(range(1, 41))
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(path, uninterrupted):
    killed = Fitter(at={23: fail})
    with pytest.raises(OSError, match="went away"):
        train(killed, 40, resources(path, checkpoint_every_s=0.0), fingerprint="a")
    fitter = Fitter()
    run = train(fitter, 40, resources(path), fingerprint="a")
    assert (run.n_resumed, run.n_steps) == (23, 40)
    assert fitter.weights() == uninterrupted[2]
    assert run.history == uninterrupted[1].history
    assert not path.exists()


def test_a_run_is_stopped_and_taken_up_again_exactly(path, uninterrupted):
    asked = iter([False] * 10 + [True])
    first = train(Fitter(), 40, resources(path), fingerprint="a", stop=lambda: next(asked))
    assert (first.n_steps, first.n_planned) == (10, 40)
    fitter = Fitter()
    train(fitter, 40, resources(path), fingerprint="a")
    assert fitter.weights() == uninterrupted[2]


def test_ctrl_c_waits_for_the_step_and_saves(path, uninterrupted):
    before = signal.getsignal(signal.SIGINT)
    interrupted = Fitter(at={7: lambda: os.kill(os.getpid(), signal.SIGINT)})
    with pytest.raises(KeyboardInterrupt):
        train(interrupted, 40, resources(path), fingerprint="a")
    assert signal.getsignal(signal.SIGINT) is before
    fitter = Fitter()
    assert train(fitter, 40, resources(path), fingerprint="a").n_resumed == 8
    assert fitter.weights() == uninterrupted[2]


def test_it_runs_in_another_thread(uninterrupted):
    fitter = Fitter()
    thread = threading.Thread(
        target=train, args=(fitter, 40, resources()), kwargs={"fingerprint": ""}
    )
    thread.start()
    thread.join()
    assert fitter.weights() == uninterrupted[2]


def test_another_runs_checkpoint_is_refused(path):
    asked = iter([False, True])
    train(Fitter(), 9, resources(path), fingerprint="a", stop=lambda: next(asked))
    with pytest.raises(CheckpointError, match="other settings or images; remove it"):
        train(Fitter(), 9, resources(path), fingerprint="b")
    assert path.exists()


def test_a_time_budget_shortens_the_plan_and_the_schedule_ends_properly():
    fitter = Fitter(step_s=0.01)
    started = time.monotonic()
    run = train(fitter, 100_000, resources(time_budget_s=0.5), fingerprint="a")
    assert 0.3 < time.monotonic() - started < 0.7
    assert run.n_steps == run.n_planned
    assert 10 < run.n_steps == fitter.plans[-1] < 60
    assert fitter.plans == sorted(fitter.plans, reverse=True)
    assert warm_up_cosine(run.n_steps - 1, fitter.plans[-1]) < 0.02


def test_a_budget_that_suffices_changes_nothing(uninterrupted):
    fitter = Fitter()
    train(fitter, 40, resources(time_budget_s=600.0), fingerprint="a")
    assert fitter.weights() == uninterrupted[2]


def test_progress_hears_the_stage_each_step_and_the_losses():
    heard = Heard()
    train(Fitter(), 250, resources(), fingerprint="a", stage="learning", progress=heard)
    assert heard.stages == [("learning", 250)]
    assert heard.n_done == 250
    assert len(heard.notes) == 125
    assert heard.notes[-1].startswith("loss ")


def test_threads_are_as_before():
    before = torch.get_num_threads()
    seen = []
    fitter = Fitter(at={0: lambda: seen.append(torch.get_num_threads())})
    train(fitter, 1, TrainingResources(n_threads=before + 1), fingerprint="")
    assert seen == [before + 1]
    assert torch.get_num_threads() == before


def test_a_diverging_run_is_an_error():
    fitter = Fitter()
    fitter.step = lambda index, n_steps: {"loss": float("nan")}
    with pytest.raises(ParameterError, match="diverged at step 1: loss is nan"):
        train(fitter, 5, resources(), fingerprint="a")


@pytest.mark.parametrize(
    "settings", [{"device": "tpu"}, {"time_budget_s": 0.0}, {"n_threads": 0}, {"time_budget_s": -1}]
)
def test_resources_out_of_range_are_refused(settings):
    with pytest.raises(ParameterError):
        TrainingResources(**settings)


def test_no_steps_are_refused():
    with pytest.raises(ParameterError, match="n_steps"):
        train(Fitter(), 0, resources(), fingerprint="a")


def test_cuda_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device(TrainingResources()).type == "cpu"
    for device in ("cuda", "cuda-bf16"):
        with pytest.raises(ParameterError, match="no CUDA"):
            find_device(TrainingResources(device=device))


def test_bfloat16_is_for_the_device_of_that_name_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for device, is_mixed in (("auto", False), ("cuda", False), ("cuda-bf16", True)):
        resources = TrainingResources(device=device)
        assert find_device(resources).type == "cuda"
        assert autocast(resources, torch.device("cpu"))._enabled == is_mixed


def test_a_fingerprint_knows_config_data_and_order():
    prints = [
        fingerprint_run({"a": 1, "b": 2}, ["x", "y"]),
        fingerprint_run({"a": 1, "b": 3}, ["x", "y"]),
        fingerprint_run({"a": 1, "b": 2}, ["y", "x"]),
    ]
    assert len(set(prints)) == 3
    assert prints[0] == fingerprint_run({"b": 2, "a": 1}, iter(["x", "y"]))
