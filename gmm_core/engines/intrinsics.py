"""What numba has no word for: bits of a number, an array without a count, a call by address."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic

# A type checker takes an intrinsic for the function that generates it, with one argument more.
_intrinsic: Any = numba_intrinsic


@_intrinsic
def bits_of(typingctx: Any, number: Any) -> Any:
    """Bits of a float64 as int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), generate


@_intrinsic
def number_of(typingctx: Any, bits: Any) -> Any:
    """Float64 of the bits in an int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@_intrinsic
def bare(typingctx: Any, array: Any) -> Any:
    """Return the same array without a count of its users.

    numba counts an array's users at every call and slice, which takes longer than a small
    problem's arithmetic. Whoever calls this has to hold the array itself.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        view.meminfo = ir.Constant(view.meminfo.type, None)
        view.parent = ir.Constant(view.parent.type, None)
        return view._getvalue()

    return array(array), generate


def _pointer(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array).data


@_intrinsic
def call_pair(
    typingctx: Any,
    address: Any,
    value: Any,
    q: Any,
    layout: Any,
    numbers: Any,
    grad: Any,
    log_scales: Any,
    inverse: Any,
    factors: Any,
    slopes: Any,
    products: Any,
) -> Any:
    """Call a family's `expand` or `pull` by its address; see `pair.SIGNATURE`.

    By address, not by name: the kernel is compiled once, whatever families there are.
    """
    arrays = (q, layout, numbers, grad, log_scales, inverse, factors, slopes, products)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointers = [
            _pointer(context, builder, kind, array)
            for kind, array in zip(signature.args[2:], args[2:], strict=True)
        ]
        double = ir.DoubleType()
        kind = ir.FunctionType(double, [double, *(pointer.type for pointer in pointers)])
        function = builder.inttoptr(args[0], kind.as_pointer())
        return builder.call(function, [args[1], *pointers])

    return types.float64(types.int64, types.float64, *arrays), generate
