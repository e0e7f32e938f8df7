"""PyTorch stacks: the same outputs, the same steps, and refusals by name."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import thalweg as tw
from thalweg.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5)).astype(np.float32)
CLASSES = RNG.integers(0, 3, 24)
NUMBERS = RNG.normal(size=(24, 2)).astype(np.float32)


def stack(*layers: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.normal_(parameter, std=0.5)
    return nn.Sequential(*layers)


def theirs(module: nn.Module) -> np.ndarray:
    module.eval()
    return module(torch.as_tensor(X)).detach().numpy()


def test_every_layer_gives_the_same_outputs() -> None:
    norm = nn.BatchNorm1d(8, momentum=0.3, eps=1e-3)
    layers = [nn.Linear(5, 8), norm, nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 8, bias=False), nn.LayerNorm(8)]
    more = [
        nn.ELU(),
        nn.SELU(),
        nn.GELU(),
        nn.SiLU(),
        nn.Hardswish(),
        nn.Mish(),
        nn.Tanh(),
        nn.Sigmoid(),
        nn.Softplus(),
        nn.Softsign(),
    ]
    rest = [nn.LeakyReLU(), nn.LeakyReLU(0.3), nn.PReLU(), nn.PReLU(8), nn.Identity(), nn.Linear(8, 3)]
    module = stack(*layers, nn.Sequential(OrderedDict(a=nn.Sequential(*more), b=nn.Sequential(*rest))))
    for _ in range(3):
        module(torch.as_tensor(X))  # running statistics that are not the starting ones
    imported = tw.from_torch(module, nn.CrossEntropyLoss())
    outputs = theirs(module)
    np.testing.assert_allclose(imported.outputs(X), outputs, atol=1e-5)
    probabilities = torch.softmax(torch.as_tensor(outputs), 1)
    np.testing.assert_allclose(imported.model().predict_proba(X), probabilities, atol=1e-5)
    kept = imported.network.layers[1]
    assert isinstance(kept, tw.BatchNorm)
    assert (kept.momentum, kept.epsilon) == (0.7, 1e-3)
    assert sum("slope" in note for note in imported.notes) == 1
    assert any("no bias" in note for note in imported.notes)


@pytest.mark.parametrize(
    ("last", "loss", "name", "link", "layers"),
    [
        (None, nn.CrossEntropyLoss(label_smoothing=0.1), "categorical", "identity", 3),
        (nn.Softmax(dim=1), None, "categorical", "softmax", 3),
        (nn.LogSoftmax(dim=1), nn.NLLLoss(), "categorical", "log_softmax", 3),
        (nn.LogSoftmax(dim=1), None, "categorical", "log_softmax", 3),
        (nn.Softmax(dim=1), nn.CrossEntropyLoss(), "categorical", "identity", 4),  # a mistake that stays to be seen
        (nn.Sigmoid(), nn.BCELoss(), "multilabel", "sigmoid", 3),
        (None, nn.BCEWithLogitsLoss(), "multilabel", "identity", 3),
        (nn.Softmax(dim=1), nn.MSELoss(), "gaussian", "identity", 4),
        (None, nn.PoissonNLLLoss(), "poisson", "identity", 3),
    ],
)
def test_an_output_activation_goes_where_its_loss_is(
    last: nn.Module | None, loss: nn.Module | None, name: str, link: str, layers: int
) -> None:
    module = stack(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3), *([] if last is None else [last]))
    imported = tw.from_torch(module, loss)
    assert (imported.likelihood.name, imported.link, len(imported.network.layers)) == (name, link, layers)
    np.testing.assert_allclose(imported.outputs(X), theirs(module), atol=1e-5)


@pytest.mark.parametrize(
    ("loss", "y", "optimizer", "options"),
    [
        (nn.MSELoss(), NUMBERS, torch.optim.SGD, {"lr": 0.05, "momentum": 0.8}),
        (nn.L1Loss(), NUMBERS, torch.optim.SGD, {"lr": 0.05}),
        (nn.HuberLoss(delta=0.7), NUMBERS, torch.optim.SGD, {"lr": 0.1}),
        (nn.SmoothL1Loss(beta=0.7), NUMBERS, torch.optim.RMSprop, {"lr": 0.01, "momentum": 0.5, "centered": True}),
        (nn.CrossEntropyLoss(label_smoothing=0.2), CLASSES, torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.95)}),
        (nn.CrossEntropyLoss(), CLASSES, torch.optim.Adam, {"lr": 0.01, "amsgrad": True}),
        (nn.CrossEntropyLoss(), CLASSES, torch.optim.Adagrad, {"lr": 0.05}),
        (nn.CrossEntropyLoss(), CLASSES, torch.optim.NAdam, {"lr": 0.01}),
    ],
)
def test_training_goes_on_by_the_same_steps(loss, y, optimizer, options) -> None:
    # The gradient of a bias before batch normalization is round-off, which rules that divide by it make large.
    norm = nn.BatchNorm1d(4) if optimizer is torch.optim.SGD else nn.LayerNorm(4)
    module = stack(nn.Linear(5, 4), norm, nn.Tanh(), nn.Linear(4, 2 if y is NUMBERS else 3))
    steps = optimizer(module.parameters(), **options)
    imported = tw.from_torch(module, loss, steps)
    before = imported.outputs(X)
    model = imported.fit(X, y, epochs=4, batch_size=24)
    module.train()
    for _ in range(4):
        steps.zero_grad()
        loss(module(torch.as_tensor(X)), torch.as_tensor(y)).backward()
        steps.step()
    np.testing.assert_allclose(model.outputs(X), theirs(module), atol=2e-5)
    np.testing.assert_array_equal(imported.outputs(X), before)  # what was imported stays as it was


def test_nesterov_and_weight_decay_are_read() -> None:
    module = stack(nn.Linear(5, 3))
    for optimizer, setting in ((torch.optim.Adam, "l2"), (torch.optim.AdamW, "weight_decay")):
        imported = tw.from_torch(module, nn.MSELoss(), optimizer(module.parameters(), weight_decay=0.3))
        assert imported.optimizer[setting] == 0.3
        assert any("decay" in note for note in imported.notes)
    nesterov = torch.optim.SGD(module.parameters(), lr=0.2, momentum=0.8, nesterov=True)
    # Its parameters there are those of the look-ahead point here: the same course, another name for it.
    assert tw.from_torch(module, nn.MSELoss(), nesterov).optimizer == {
        "optimizer": "nesterov",
        "momentum": 0.8,
        "learning_rate": 0.2,
    }
    none = tw.from_torch(module, nn.MSELoss(), torch.optim.AdamW(module.parameters(), weight_decay=0))
    assert none.optimizer["weight_decay"] == 0


class Own(nn.Linear):
    """A layer of the user's, which may do something else."""


@pytest.mark.parametrize(
    ("module", "loss", "words"),
    [
        ((nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Linear(2, 1)), None, ["1 (Conv2d)", "3 (MaxPool2d)"]),
        ((nn.LSTM(2, 3),), None, ["layer 1 (LSTM)"]),
        ((Own(2, 3),), None, ["Own)"]),
        ((nn.Linear(2, 3), nn.Flatten(), nn.Linear(3, 1)), nn.MSELoss(), ["layer 2 (Flatten)"]),
        ((nn.Linear(2, 3), nn.GELU(approximate="tanh")), nn.MSELoss(), ["approximate='tanh'"]),
        ((nn.Linear(2, 3), nn.LogSoftmax(dim=1), nn.ReLU()), None, ["LogSoftmax"]),
        ((nn.ReLU(),), nn.MSELoss(), ["dense"]),
        ((nn.Linear(2, 3),), None, ["loss", "none"]),
        ((nn.Linear(2, 3),), nn.BCELoss(), ["sigmoid", "linear"]),
        ((nn.Linear(2, 3),), nn.NLLLoss(), ["LogSoftmax"]),
        ((nn.Linear(2, 3), nn.LogSoftmax(dim=1)), nn.MSELoss(), ["LogSoftmax"]),
        ((nn.Linear(2, 3),), nn.MSELoss(reduction="sum"), ["'mean'", "'sum'"]),
        ((nn.Linear(2, 3),), nn.CTCLoss(), ["MSELoss", "CTCLoss"]),
        ((nn.Linear(2, 3),), nn.BCEWithLogitsLoss(pos_weight=torch.ones(3)), ["pos_weight"]),
        ((nn.Linear(2, 3),), nn.PoissonNLLLoss(log_input=False), ["log_input"]),
        ((nn.Linear(2, 3),), nn.CrossEntropyLoss(ignore_index=0), ["ignore_index"]),
    ],
)
def test_what_has_no_equal_is_refused_by_name(module, loss, words: list[str]) -> None:
    with pytest.raises(ArgumentError) as refused:
        tw.from_torch(nn.Sequential(*module), loss)
    for word in words:
        assert word in str(refused.value)


def test_optimizers_that_have_no_equal() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    groups = [{"params": module[0].parameters(), "lr": 0.1}, {"params": module[1].parameters(), "lr": 0.2}]
    for optimizer, word in (
        (torch.optim.SGD(groups, lr=0.1), "same options"),
        (torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, dampening=0.5), "dampening"),
        (torch.optim.SGD(module.parameters(), lr=0.1, maximize=True), "minimizes"),
        (torch.optim.Adagrad(module.parameters(), lr_decay=0.1), "lr_decay"),
        (torch.optim.Rprop(module.parameters()), "Rprop"),
    ):
        with pytest.raises(ArgumentError, match=word):
            tw.from_torch(module, nn.MSELoss(), optimizer)


def test_an_imported_network_is_saved_and_loaded(tmp_path: Path) -> None:
    module = stack(nn.Flatten(), nn.Linear(5, 4), nn.PReLU(4), nn.Linear(4, 2))
    tw.from_torch(module, nn.MSELoss()).model().save(tmp_path / "m")
    np.testing.assert_allclose(tw.load(tmp_path / "m").predict(X), theirs(module), atol=1e-5)


def test_a_mistake_in_an_imported_network_is_found() -> None:
    train, _ = tw.load_dataset("digits")
    module = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.Softmax(dim=1))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    checkup = tw.diagnosis.Checkup()
    imported = tw.from_torch(module, nn.CrossEntropyLoss(), optimizer)
    imported.fit(train.features / 16, train.target, epochs=3, hooks=[checkup])
    assert checkup.findings()[0].cause == "double_softmax"
