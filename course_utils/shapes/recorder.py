"""The recorder: sees every call to PyTorch while a model runs, and writes down those that compute on its input."""

from __future__ import annotations

import dataclasses
import math
import weakref
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from . import layers, misfits
from .calls import describe
from .derivation import INPUT, Derivation, ShapeError, Step
from .layers import Layer
from .notation import Shape, by
from .parameters import Parameters
from .receptive import Field
from .tensors import image, ints, is_about_meta, on_meta, plain_name, tensors
from .windows import Windowed

REFUSALS = (RuntimeError, ValueError, IndexError)  # what PyTorch raises when shapes do not fit
# Calls that hand on the same numbers in the same shape: not steps.
SILENT = {"contiguous", "to", "float", "double", "half", "bfloat16", "type", "type_as", "detach", "clone"}
SILENT |= {"cpu", "cuda", "data", "alias", "requires_grad"}


@dataclass
class Frame:
    """A module that is running, and the positions of the steps it makes itself, not through modules in it."""

    path: str
    module: nn.Module
    args: tuple
    first: int
    own: list[int] = dataclasses.field(default_factory=list)

    @property
    def is_layer(self) -> bool:
        """Whether PyTorch wrote it as one layer: nn.Conv2d, not nn.Sequential or the student's own class."""
        return type(self.module).__module__.startswith("torch.nn.") and not any(self.module.children())


@dataclass
class Known:
    """A tensor computed from the input: the step that made it, what it sees, and where its batch was lost."""

    tensor: weakref.ref  # weak: what the model has let go of, we do not hold on to
    shape: Shape
    step: int
    field: Field | None = None
    mixed: int | None = None


class Recorder(TorchFunctionMode):
    """While entered, turns calls into steps."""

    def __init__(self, model: nn.Module, batch: Tensor, parameters: Parameters) -> None:
        super().__init__()
        self.model, self.batch, self.images = model, batch, len(batch)
        self.parameters = parameters
        self.known: dict[int, Known] = {}  # by the tensor's id
        self.remember(batch, INPUT, Field() if batch.ndim == 4 else None)
        self.steps: list[Step] = []
        self.frames: list[Frame] = [Frame("", model, (), 0)]
        self.names: set[str] = set()  # those of the steps
        self.modules = {path for path, _ in model.named_modules()}
        self.view_calls: dict[int, str] = {}  # by step: a view, reshape or flatten as it was written

    def run(self, held: dict[str, Tensor]) -> None:
        """Run the model on the batch, with these tensors in place of its own of the same names."""
        hooks = self.listen()
        try:
            with self:
                output = torch.func.functional_call(self.model, held, (self.batch,))
        finally:
            for hook in hooks:
                hook.remove()
        self.finish(output)

    def listen(self) -> list:
        """Put hooks on every module, to know which one is running; returns their handles."""
        handles = []
        for path, module in self.model.named_modules():

            def enter(module: nn.Module, args: tuple, path: str = path) -> None:
                self.frames.append(Frame(path, module, args, len(self.steps)))

            handles.append(module.register_forward_pre_hook(enter, prepend=True))
            handles.append(module.register_forward_hook(self.leave))
        return handles

    def leave(self, module: nn.Module, args: tuple, output: object) -> None:
        """A module's only step, or its only one with weights, takes the module's name."""
        while (frame := self.frames.pop()).module is not module:
            pass  # one that raised, and whose error the model caught
        if frame.is_layer and len(self.steps) == frame.first and (known := self.find(output)):
            self.frames.append(frame)  # nn.Identity and the like call nothing
            self.add(type(module).__name__.lower(), layers.Pointwise(), known, [output])
            self.frames.pop()
        weighty = [place for place in frame.own if self.steps[place].params_worked]
        alone = len(frame.own) == len(self.steps) - frame.first == 1
        for place in frame.own if alone else weighty if frame.is_layer and len(weighty) == 1 else []:
            step = self.steps[place]
            if frame.path:
                self.names.discard(step.name)
                step = dataclasses.replace(step, name=self.unique(frame.path))
                self.names.add(step.name)
            op = type(module).__name__ if frame.is_layer else step.op
            self.steps[place] = dataclasses.replace(step, op=op)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = plain_name(func)
        kwargs = kwargs or {}
        if self.batch.is_meta:
            args, kwargs = on_meta(name, args, kwargs)
            if name in ("to", "cpu", "cuda") and len(args) == 1 and not kwargs:
                return args[0]  # what is left of x.to("cuda")
        inputs = self.find((args, kwargs))
        if not inputs:
            return self.parameters.passed_on(func(*args, **kwargs), (args, kwargs))
        layer, data = self.read(name, args, kwargs)
        work = 0
        try:
            if layer:
                result = func(*args, **kwargs)
            else:
                result, work = counted_by_torch(func, args, kwargs)
        except REFUSALS as error:
            if is_about_meta(error):
                raise
            shapes = ", ".join(by(self.image(known.shape)) for known in inputs)
            reason = f"{self.name_here(name)} cannot take {shapes}: {str(error).splitlines()[0]}"
            raise self.refusal(reason, inputs) from error
        outputs = [args[0]] if name == "setitem" else list(tensors(result))
        if name in SILENT and outputs and outputs[0].shape == inputs[0].shape:
            self.remember(outputs[0], inputs[0].step, inputs[0].field, inputs[0].mixed)
        elif outputs:
            self.add(name, layer, data or inputs, outputs, (args, kwargs), work // self.images)
        return result

    def read(self, name: str, args: tuple, kwargs: dict) -> tuple[Layer | None, list[Known]]:
        """The layer that a call computes, with its data; (None, []) if we know none. ShapeError if they misfit."""
        if name in ("view", "reshape") and args:
            self.check_view(name, args)
        layer, data = describe(name, args, kwargs, self.images) or (None, [])
        known = self.find(data)
        if len(known) < len(data):  # a constant on the other side of a +, or in a cat
            layer = layers.Pointwise() if isinstance(layer, layers.Combine) else None
        if layer is None:
            return None, []
        shapes = [self.image(one.shape, layer) for one in known]
        sources = [one.step for one in known]
        problem = misfits.explain(self.name_here(name), layer, shapes, self.steps, sources)
        if problem:
            raise self.refusal(problem, known)
        return layer, known

    def remember(
        self, tensor: Tensor, step: int, field: Field | None = None, mixed: int | None = None
    ) -> None:
        """Note that a tensor is computed from the input."""
        self.known[id(tensor)] = Known(weakref.ref(tensor), tuple(tensor.shape), step, field, mixed)

    def find(self, value: object) -> list[Known]:
        """What is known of the tensors in a value, without those that are not computed from the input."""
        found = [(tensor, self.known.get(id(tensor))) for tensor in tensors(value)]
        return [known for tensor, known in found if known and known.tensor() is tensor]

    def add(self, function, layer, data, outputs, call=((), {}), work=0) -> None:
        """Write down one step: `function` has made the tensors `outputs` from the known tensors `data`."""
        place, frame = len(self.steps), self.frames[-1]
        shapes = tuple(self.image(known.shape, layer) for known in data)
        out = self.image(outputs[0].shape, layer)
        if not layer or layer.output(*shapes) != out:  # an unusual call: keep to what was seen
            shapes, out = tuple(self.image(known.shape) for known in data), self.image(outputs[0].shape)
            layer = layers.Plain(shapes, out, work)
        values = math.prod(data[0].shape) // self.images, outputs[0].numel() // self.images
        field = layer.field([known.field for known in data], shapes)
        name = self.unique(f"{frame.path}.{function}".lstrip("."), self.modules)
        self.names.add(name)
        params, params_worked = self.parameters.count(layer, call, self.steps)
        self.steps.append(
            Step(
                name=name,
                op=function,
                layer=layer,
                sources=tuple(known.step for known in data),
                input_shapes=shapes,
                output_shape=out,
                params=params,
                params_worked=params_worked,
                multiply_adds=layer.multiply_adds(*values),
                field=field,
            )
        )
        frame.own.append(place)
        mixed = next((known.mixed for known in data if known.mixed is not None), None)
        if mixed is None and function in ("view", "reshape", "flatten") and self.has_batch(data[0].shape):
            mixed = place
            self.view_calls[place] = written(function, ints(call[0][1:]))
        for output in outputs:
            self.remember(output, place, field, None if self.has_batch(output.shape) else mixed)

    def image(self, shape: Shape, layer: Layer | None = None) -> Shape:
        """A shape for one image. A convolution or pooling takes any leading axis for the batch."""
        if isinstance(layer, Windowed) and len(shape) in (3, 4):
            return tuple(shape[-3:])
        return image(shape, self.images)

    def has_batch(self, shape: Shape) -> bool:
        return len(shape) > 0 and shape[0] == self.images

    def unique(self, name: str, reserved: set[str] = frozenset()) -> str:
        """The name, with _2, _3, ... after it if a step has it already, or it is reserved for a module."""
        counter, numbered = 1, name
        while numbered in self.names or numbered in reserved:
            counter += 1
            numbered = f"{name}_{counter}"
        return numbered

    def name_here(self, function: str) -> str:
        """What a step made now will be called."""
        frame = self.frames[-1]
        if frame.is_layer and frame.path:
            return self.unique(frame.path)
        return self.unique(f"{frame.path}.{function}".lstrip("."), self.modules)

    def derivation(self, steps: int | None = None) -> Derivation:
        """What has been written down so far, or its first `steps` steps."""
        return Derivation(tuple(self.batch.shape[1:]), tuple(self.steps[:steps]), self.parameters.unused())

    def refusal(self, problem: str, inputs: list[Known]) -> ShapeError:
        """The error for a step that cannot be made; if the batch was lost on the way there, that is the fault."""
        mixed = next((known.mixed for known in inputs if known.mixed is not None), None)
        return ShapeError(problem, self.derivation()) if mixed is None else self.mixing(mixed)

    def mixing(self, place: int) -> ShapeError:
        """The error for a view, reshape or flatten that lost the batch axis."""
        step = self.steps[place]
        origin = misfits.came(self.steps, step.sources[0], step.input_shape)
        linears = [(s.name, s.layer) for s in self.steps[place:] if isinstance(s.layer, layers.Linear)]
        after = next(((name, linear.out_features) for name, linear in linears), None)
        problem = misfits.mixing(step.name, self.view_calls[place], step.input_shape, origin, after)
        return ShapeError(problem, self.derivation(place))

    def check_view(self, name: str, args: tuple) -> None:
        """ShapeError if a view or reshape asks for another number of values than there are."""
        known, asked = self.find(args[0]), ints(args[1:])
        if not known or not asked or not self.has_batch(known[0].shape):
            return
        total, fixed = args[0].numel(), math.prod(n for n in asked if n != -1)
        if fixed and ((total % fixed) if -1 in asked else (total != fixed)):
            shape, rows = self.image(known[0].shape), math.prod(asked[1:])
            origin = misfits.came(self.steps, known[0].step, shape)
            linears = [(path, m) for path, m in self.model.named_modules() if isinstance(m, nn.Linear)]
            after = next(((path, m.out_features) for path, m in linears if m.in_features == rows), None)
            raise self.refusal(
                misfits.wrong_view(self.name_here(name), written(name, asked), shape, origin, after), known
            )

    def finish(self, output: object) -> None:
        """ShapeError if the model's output has lost the batch axis before a layer with weights."""
        mixed = next((known.mixed for known in self.find(output)), None)
        if mixed is not None and any(step.params for step in self.steps[mixed:]):
            raise self.mixing(mixed)

    def explain_module(self, error: Exception) -> None:
        """ShapeError for a refusal by one of PyTorch's own modules, such as BatchNorm2d given a row."""
        frame = self.frames[-1]
        known = self.find(frame.args)
        if frame.is_layer and known:
            shape = self.image(known[0].shape)
            origin = misfits.came(self.steps, known[0].step, shape)
            problem = misfits.refused(self.name_here(""), type(frame.module).__name__, shape, origin, error)
            raise self.refusal(problem, known) from error


def counted_by_torch(func, args: tuple, kwargs: dict) -> tuple[object, int]:
    """The result of an operation that we have no formula for, and its multiply-adds."""
    from torch.utils.flop_counter import FlopCounterMode  # slow to import, and seldom needed

    with FlopCounterMode(display=False) as counter:
        result = func(*args, **kwargs)
    return result, counter.get_total_flops() // 2


def written(function: str, sizes: tuple[int, ...]) -> str:
    """A view, reshape or flatten about as it stands in the code."""
    return f"{function}({', '.join(map(str, sizes)) or 'x'})"
