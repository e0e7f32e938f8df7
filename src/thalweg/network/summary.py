"""What a network consists of: shapes, N_p, N_× and memory of every layer."""

from __future__ import annotations

from dataclasses import dataclass

import jax

from thalweg.network import sequence
from thalweg.network.members import Members
from thalweg.network.network import Network

_BYTES = 4  # float32


@dataclass(frozen=True)
class SummaryRow:
    """One layer: its kind, output width, N_p and N_×."""

    layer: str
    shape: tuple[int, ...]
    parameters: int
    multiplications: int


@dataclass(frozen=True)
class Summary:
    """A network's layers with totals; ``str()`` gives the table.

    Args:
        rows: one a layer; where several networks stand side by side, of one of them.
        parameters: N_p = Σ M_l (M_{l-1} + 1) for dense layers, trained parameters of all layers and networks together.
        multiplications: N_× = Σ M_l M_{l-1}, for one example's forward pass, through all networks.
        bytes: memory of the parameters in float32.
        networks: how many of the same layers stand side by side, as in an ensemble.
    """

    rows: tuple[SummaryRow, ...]
    inputs: int
    parameters: int
    multiplications: int
    bytes: int
    networks: int = 1

    def __str__(self) -> str:
        head = ("layer", "output", "N_p", "N_×")
        body = [(row.layer, str(row.shape[0]), f"{row.parameters:,}", f"{row.multiplications:,}") for row in self.rows]
        table = [head, ("input", str(self.inputs), "", ""), *body]
        if self.networks > 1:
            one = (f"{self.parameters // self.networks:,}", f"{self.multiplications // self.networks:,}")
            table.append(("one network", "", *one))
        total = "total" if self.networks == 1 else f"all {self.networks} networks"
        table.append((total, "", f"{self.parameters:,}", f"{self.multiplications:,}"))
        size = [max(len(line[i]) for line in table) for i in range(4)]
        lines = [f"{a:<{size[0]}}  {b:>{size[1]}}  {c:>{size[2]}}  {d:>{size[3]}}".rstrip() for a, b, c, d in table]
        rule = "-" * (sum(size) + 6)
        memory = f"parameters {_human(self.bytes)} in float32; {_human(4 * self.bytes)} while training with Adam"
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], memory])


def summary(network: Network) -> Summary:
    """Return shapes, N_p, N_× and memory of a network.

    Example:
        >>> from thalweg.network.network import dense_network
        >>> totals = summary(dense_network(784, (512,), 10))
        >>> totals.parameters, totals.multiplications
        (407050, 406528)
    """
    layers, networks = network.layers, 1
    only = layers[0] if len(layers) == 1 else None
    if isinstance(only, Members):
        layers, networks = only.layers, only.members
    widths = sequence.widths(layers, network.inputs)
    shapes = jax.eval_shape(lambda: sequence.init(layers, jax.random.key(0), network.inputs))
    rows = tuple(
        SummaryRow(
            getattr(layer, "name", layer.kind),
            (widths[i + 1],),
            sum(leaf.size for leaf in jax.tree.leaves(shapes[i])),
            layer.multiplications(widths[i]),
        )
        for i, layer in enumerate(layers)
    )
    parameters = networks * sum(row.parameters for row in rows)
    multiplications = networks * sum(row.multiplications for row in rows)
    return Summary(rows, network.inputs, parameters, multiplications, _BYTES * parameters, networks)


def _human(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError
