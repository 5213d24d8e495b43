"""A training step of the masked transformer on packed objects beside padded ones in torch.

    python tests/benchmarks/bench_networks.py [--blocks N]

Three layers of width 64, four heads, 16 objects of four numbers of which 44 % are there, batches of
256 events, Adam. torch has the same weights and gives the same logits; its attention is its own
`scaled_dot_product_attention`, with a mask. Both have one thread; blocks of ten steps alternate,
and the ratio is the median over pairs of their CPU times. Both are also exported to ONNX, each by
its own means, and evaluated by onnxruntime, likewise. Where torch is not installed, the ratio is
quoted.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from zenith.config.networks.masked_transformer import MaskedTransformerSettings
from zenith.core.networks.network import Objects
from zenith.training.batches import Batch, room
from zenith.training.examples import Examples
from zenith.training.export import export_onnx
from zenith.training.objective import Learner, Objective

WIDTH, HEADS, LAYERS, OBJECTS, BATCH, STEPS = 64, 4, 3, 16, 256, 10
FIELDS = ("a", "b", "c", "d")
QUOTED = "2.0"  # beside torch 2.14, of which a step took 51 ms
SETTINGS = MaskedTransformerSettings.model_validate(
    {
        "type": "masked_transformer",
        "classes": {"background": ["background"], "signal": ["signal"]},
        "objects": {
            "jet": {
                "fields": FIELDS, "leading": OBJECTS, "scalers": dict.fromkeys(FIELDS, "none"),
            }
        },
        "width": WIDTH,
        "layers": LAYERS,
        "heads": HEADS,
        "head": [WIDTH],
    }
)  # fmt: skip


def examples(events: int) -> Examples:
    """Events of which 44 % of the places for objects are taken."""
    random = np.random.default_rng(1)
    label = random.integers(0, 2, events).astype(np.int32)
    number = random.binomial(OBJECTS, 0.44, events)
    valid = np.arange(OBJECTS)[:, None] < number
    values = random.normal(size=(len(FIELDS), OBJECTS, events)).astype(np.float32)
    jets = Objects(np.where(valid, values, 0.0).astype(np.float32), valid)
    return Examples(np.zeros((0, events), np.float32), label, np.ones(events), {"jet": jets})


def torch_network(torch: Any, network: Any) -> Any:
    """The same network on padded objects, (N, M, fields), with the same weights."""
    nn, functional = torch.nn, torch.nn.functional

    def dense(given: Any) -> Any:
        layer = nn.Linear(given.weight.shape[1], given.weight.shape[0])
        layer.load_state_dict(
            {
                "weight": torch.tensor(np.array(given.weight)),
                "bias": torch.tensor(np.array(given.bias)),
            }
        )
        return layer

    class Layer(nn.Module):
        def __init__(self, given: Any) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            attention = given.attention
            names = ("queries", "keys", "values", "out")
            self.q, self.k, self.v, self.out = (dense(getattr(attention, name)) for name in names)
            self.wide, self.narrow = (dense(layer) for layer in given.dense.dense)

        def forward(self, h: Any, mask: Any) -> Any:
            normal = self.first(h)
            q, k, v = (
                f(normal).view(-1, OBJECTS, HEADS, WIDTH // HEADS).transpose(1, 2)
                for f in (self.q, self.k, self.v)
            )
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            h = h + self.out(mixed.transpose(1, 2).reshape(-1, OBJECTS, WIDTH))
            return h + self.narrow(functional.relu(self.wide(self.second(h))))

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            encoder = network.object_encoder
            self.embedding = dense(network.embeddings[0])
            self.layers = nn.ModuleList(Layer(layer) for layer in encoder.layers)
            self.last = nn.LayerNorm(WIDTH)
            self.pooled = dense(network.pooled)
            self.hidden, self.logit = (dense(layer) for layer in network.head.dense)

        def forward(self, x: Any, valid: Any) -> Any:
            # a key that is always there: of an event without objects a softmax over none is NaN
            there = valid | ~valid.any(dim=1, keepdim=True)
            h, mask = self.embedding(x), there[:, None, None, :]
            for layer in self.layers:
                h = layer(h, mask)
            h = torch.where(valid[..., None], self.last(h), 0.0)
            number = valid.sum(dim=1, keepdim=True).to(h.dtype)
            sums = h.sum(dim=1)
            pooled = self.pooled(torch.cat([sums / number.clamp(min=1.0), sums], dim=1))
            hidden = functional.relu(self.hidden(torch.cat([pooled, number], dim=1)))
            return self.logit(hidden)

    return Transformer()


def steps_in_jax(network: Any, events: Examples) -> Callable[[], float]:
    """Ten steps of Adam, which give the loss before the last; objects are packed in each."""
    batch, order = Batch.of(events), np.arange(STEPS * BATCH).reshape(STEPS, BATCH)
    counts = np.asarray(events.objects["jet"].valid).sum(axis=0)
    rooms = {"jet": room(counts, order)}
    objective, adam = Objective.of(SETTINGS), optax.adam(1e-3)

    @eqx.filter_jit
    def run(learner: Learner, state: Any, batch: Batch) -> tuple[Learner, Any, jax.Array]:
        def step(carry: Any, chosen: jax.Array) -> tuple[Any, jax.Array]:
            learner, state = carry
            loss, gradient = jax.value_and_grad(objective.of_each)(
                learner, batch.picked(chosen), rooms
            )
            updates, state = adam.update(gradient, state)
            return (optax.apply_updates(learner, updates), state), loss

        (learner, state), losses = jax.lax.scan(step, (learner, state), jnp.asarray(order))
        return learner, state, losses[-1]

    reached = [Learner(network), adam.init(Learner(network))]

    def block() -> float:
        *reached[:], loss = run(*reached, batch)
        return float(loss)

    return block


def steps_in_torch(torch: Any, network: Any, events: Examples) -> Callable[[], float]:
    """The same in torch, whose objects stay padded."""
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    x, valid = (torch.tensor(np.ascontiguousarray(np.asarray(a).T)) for a in events.objects["jet"])
    label = torch.tensor(events.label.astype(np.float32))
    cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits

    def block() -> float:
        loss = None
        for start in range(0, STEPS * BATCH, BATCH):
            some = slice(start, start + BATCH)
            adam.zero_grad()
            loss = cross_entropy(network(x[some], valid[some])[:, 0], label[some])
            loss.backward()
            adam.step()
        return float(loss)

    return block


def cpu_seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def evaluation(path: Path, fed: dict[str, Any]) -> tuple[Callable[[], Any], Any]:
    """What evaluates the file with one thread, and what it gives."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, fed), session.run(None, fed)[0]


def compare_onnx(torch: Any, network: Any, other: Any, events: Examples, pairs: int) -> None:
    """Both files in onnxruntime, on the same events, in turn."""
    x, valid = (np.ascontiguousarray(np.asarray(a).T) for a in events.objects["jet"])
    with tempfile.TemporaryDirectory() as folder:
        own, theirs = Path(folder) / "own.onnx", Path(folder) / "torch.onnx"
        export_onnx(own, network)
        try:
            torch.onnx.export(
                other,
                (torch.tensor(x[:4]), torch.tensor(valid[:4])),
                theirs,
                opset_version=17,
                dynamo=False,
                input_names=["jet", "jet_valid"],
                dynamic_axes={"jet": {0: "N"}, "jet_valid": {0: "N"}},
            )
        except (ImportError, RuntimeError) as error:
            print(f"torch exports no ONNX file: {error}")
            return
        fed = {"jet": x, "jet_valid": valid}
        (here, scores), (there, logits) = (evaluation(path, fed) for path in (own, theirs))
        ratios = [cpu_seconds(here) / cpu_seconds(there) for _ in range(pairs)]
    away = np.abs(scores - 1.0 / (1.0 + np.exp(-logits))).max()
    print(f"scores of both files differ by {away:.1e} at most")
    what = f"ONNX in onnxruntime, {len(events.weight)} events: time / that of torch's own export"
    beside = f"torch {torch.__version__}; pairs {min(ratios):.2f} to {max(ratios):.2f}"
    print(f"claim\t{what}\t{np.median(ratios):.2f}\tat most 1\t{beside}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=7)
    blocks = parser.parse_args().blocks
    what = "training step of the masked transformer: speed / torch, padded, per core"
    try:
        import torch
    except ModuleNotFoundError:
        print(f"claim\t{what}\t{QUOTED}\tat least 1.3\tquoted: torch is not installed")
        return
    torch.set_num_threads(1)
    events = examples(STEPS * BATCH)
    network = SETTINGS.untrained(jax.random.key(1))
    other = torch_network(torch, network)
    padded = [torch.tensor(np.ascontiguousarray(np.asarray(a).T)) for a in events.objects["jet"]]
    logits = np.asarray(network.logits(events.x, events.objects))[0]
    with torch.no_grad():
        away = np.abs(other(*padded)[:, 0].numpy() - logits).max()
    print(f"logits of both networks differ by {away:.1e} at most")
    compare_onnx(torch, network, other, events, 3 * blocks)
    ours, theirs = steps_in_jax(network, events), steps_in_torch(torch, other, events)
    print(f"loss after the first ten steps: {ours():.5f} (JAX), {theirs():.5f} (torch)")
    times = np.array([[cpu_seconds(theirs), cpu_seconds(ours)] for _ in range(blocks)])
    seconds = 1e3 * np.median(times, axis=0) / STEPS
    ratios = np.sort(times[:, 0] / times[:, 1])
    print(f"CPU ms of a step: {seconds[1]:.1f} (JAX, packed), {seconds[0]:.1f} (torch, padded)")
    beside = f"torch {torch.__version__}; pairs {ratios[0]:.2f} to {ratios[-1]:.2f}"
    print(f"claim\t{what}\t{np.median(ratios):.2f}\tat least 1.3\t{beside}")


if __name__ == "__main__":
    main()
