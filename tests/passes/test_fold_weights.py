"""Batch norms, constant factors, sums and paddings go into weights."""

from __future__ import annotations

import pytest

from lissom.passes.fold import fold

CONV = "strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)"
BN = """const %s: float32[{c}]
        const %b: float32[{c}]
        const %m: float32[{c}]
        const %v: float32[{c}]"""


def bn(channels: int) -> str:
    return BN.format(c=channels)


INTO_THE_OP_BEFORE = {
    "conv": (
        """
        input %x: float32[N,3,8,8]
        const %w: float32[6,3,3,3]
        %c = Conv(%x, %w): float32[N,6,6,6]
        %y = BatchNormalization(%c, %s, %b, %m, %v): float32[N,6,6,6]
        output 'y' = %y
        """,
        f"%c = Conv(%x, %w, %w.bias, {CONV}): float32[N,6,6,6]\noutput 'y' = %c",
        6,
    ),
    "grouped conv with bias": (
        """
        input %x: float32[N,4,8]
        const %w: float32[6,2,3]
        const %o: float32[6]
        %c = Conv(%x, %w, %o, group=2, pads=(1, 1)): float32[N,6,8]
        %y = BatchNormalization(%c, %s, %b, %m, %v): float32[N,6,8]
        output 'y' = %y
        """,
        "%c = Conv(%x, %w, %o, strides=(1,), pads=(1, 1), dilations=(1,), group=2): float32[N,6,8]\noutput 'y' = %c",
        6,
    ),
    "grouped transposed conv": (
        """
        input %x: float32[N,4,5]
        const %w: float32[4,3,2]
        %c = ConvTranspose(%x, %w, group=2, strides=(2,)): float32[N,6,10]
        %y = BatchNormalization(%c, %s, %b, %m, %v): float32[N,6,10]
        output 'y' = %y
        """,
        None,
        6,
    ),
    "gemm": (
        """
        input %x: float32[N,5]
        const %w: float32[6,5]
        const %o: float32[1,6]
        %c = Gemm(%x, %w, %o, transB=True, alpha=0.5, beta=2.0): float32[N,6]
        %y = BatchNormalization(%c, %s, %b, %m, %v): float32[N,6]
        output 'y' = %y
        """,
        "%c = Gemm(%x, %w, %o, transB=True): float32[N,6]\noutput 'y' = %c",
        6,
    ),
    "matmul and bias": (
        """
        input %x: float32[N,5]
        const %w: float32[5,6]
        const %o: float32[6]
        %p = MatMul(%x, %w): float32[N,6]
        %c = Add(%o, %p): float32[N,6]
        %y = BatchNormalization(%c, %s, %b, %m, %v): float32[N,6]
        output 'y' = %y
        """,
        "%p = Gemm(%x, %w, %w.bias, transB=True): float32[N,6]\noutput 'y' = %p",
        6,
    ),
    "batch norm": (
        """
        input %x: float32[N,6,8]
        %r = BatchNormalization(%x, %b, %s, %v, %m): float32[N,6,8]
        %y = BatchNormalization(%r, %s, %b, %m, %v): float32[N,6,8]
        output 'y' = %y
        """,
        "%r = BatchNormalization(%x, %b, %s, %v, %m): float32[N,6,8]\noutput 'y' = %r",
        6,
    ),
}


@pytest.mark.parametrize(("before", "after", "channels"), INTO_THE_OP_BEFORE.values(), ids=INTO_THE_OP_BEFORE.keys())
def test_batch_norm_goes_into_the_op_before(folds, text_of, before, after, channels):
    if after is None:
        after = (
            "%c = ConvTranspose(%x, %w, %w.bias, strides=(2,), pads=(0, 0), dilations=(1,), group=2, "
            "output_padding=(0,)): float32[N,6,10]\noutput 'y' = %c"
        )
    folds(f"{bn(channels)}\n{before}".replace("\n        ", "\n"), after)


PRODUCTS_AND_SUMS = {
    "conv": (
        """
        input %x: float32[N,3,8,8]
        const %w: float32[20,3,3,3]
        const %k: float32[20,1,1]
        const %d: float32[1,20,1,1]
        const %t: float32[] = 3.0
        %c = Conv(%x, %w): float32[N,20,6,6]
        %p = Mul(%k, %c): float32[N,20,6,6]
        %q = Add(%p, %d): float32[N,20,6,6]
        %r = Div(%q, %t): float32[N,20,6,6]
        %y = Sub(%r, %t): float32[N,20,6,6]
        output 'y' = %y
        """,
        f"%c = Conv(%x, %w, %w.bias, {CONV}): float32[N,20,6,6]\noutput 'y' = %c",
    ),
    "matmul of batches": (
        """
        input %x: float32[N,7,5]
        const %w: float32[5,20]
        const %k: float32[20]
        %c = MatMul(%x, %w): float32[N,7,20]
        %y = Mul(%c, %k): float32[N,7,20]
        output 'y' = %y
        """,
        "%c = MatMul(%x, %w): float32[N,7,20]\noutput 'y' = %c",
    ),
    "before conv, no padding": (
        """
        input %x: float32[N,4,8,8]
        const %k: float32[4,1,1]
        const %w: float32[6,2,3,3]
        %a = Sub(%x, %k): float32[N,4,8,8]
        %p = Div(%a, %k): float32[N,4,8,8]
        %y = Conv(%p, %w, group=2): float32[N,6,6,6]
        output 'y' = %y
        """,
        "%y = Conv(%x, %w, %w.bias, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=2): float32[N,6,6,6]\n"
        "output 'y' = %y",
    ),
    "before padded conv, product only": (
        """
        input %x: float32[N,4,8,8]
        const %k: float32[4,1,1]
        const %w: float32[6,4,3,3]
        const %o: float32[6]
        %p = Mul(%x, %k): float32[N,4,8,8]
        %y = Conv(%p, %w, %o, pads=(1, 1, 1, 1)): float32[N,6,8,8]
        output 'y' = %y
        """,
        "%y = Conv(%x, %w, %o, strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1)): float32[N,6,8,8]\noutput 'y' = %y",
    ),
    "before gemm": (
        """
        input %x: float32[N,20]
        const %k: float32[20]
        const %w: float32[20,6]
        const %o: float32[6]
        %p = Add(%x, %k): float32[N,20]
        %y = Gemm(%p, %w, %o): float32[N,6]
        output 'y' = %y
        """,
        "%y = Gemm(%x, %w, %o, transB=True): float32[N,6]\noutput 'y' = %y",
    ),
    "before matmul of batches": (
        """
        input %x: float32[N,3,20]
        const %k: float32[20]
        const %w: float32[20,6]
        %p = Mul(%x, %k): float32[N,3,20]
        %y = MatMul(%p, %w): float32[N,3,6]
        output 'y' = %y
        """,
        "%y = MatMul(%x, %w): float32[N,3,6]\noutput 'y' = %y",
    ),
    "one after another": (
        """
        input %x: float32[N,20]
        const %c: float32[20]
        const %d: float32[20]
        %r = Relu(%x): float32[N,20]
        %a = Add(%r, %c): float32[N,20]
        %b = Add(%a, %d): float32[N,20]
        %e = Mul(%b, %d): float32[N,20]
        %y = Mul(%c, %e): float32[N,20]
        output 'y' = %y
        """,
        """
        %r = Relu(%x): float32[N,20]
        %b = Add(%r, %c): float32[N,20]
        %y = Mul(%b, %d): float32[N,20]
        output 'y' = %y
        """,
    ),
}


@pytest.mark.parametrize(("before", "after"), PRODUCTS_AND_SUMS.values(), ids=PRODUCTS_AND_SUMS.keys())
def test_products_and_sums_go_into_weights(folds, before, after):
    folds(before, after)


REFUSED = {
    "the conv's result is read twice": (
        bn(6)
        + """
        input %x: float32[1,3,8,8]
        const %w: float32[6,3,3,3]
        %c = Conv(%x, %w, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)): float32[1,6,6,6]
        %n = BatchNormalization(%c, %s, %b, %m, %v): float32[1,6,6,6]
        %y = Add(%c, %n): float32[1,6,6,6]
        output 'y' = %y
        """,
        "the result of Conv 'c' (text line 8) is needed as it is, by 1 more ops",
    ),
    "nothing before it": (
        bn(3)
        + """
        input %x: float32[1,3,8,8]
        %r = Relu(%x): float32[1,3,8,8]
        %y = BatchNormalization(%r, %s, %b, %m, %v): float32[1,3,8,8]
        output 'y' = %y
        """,
        "it reads Relu 'r' (text line 7): nothing that could take it in",
    ),
    "a shift before padding": (
        bn(3)
        + """
        input %x: float32[1,3,8,8]
        const %w: float32[6,3,3,3]
        %n = BatchNormalization(%x, %s, %b, %m, %v): float32[1,3,8,8]
        %y = Conv(%n, %w, strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1)): float32[1,6,8,8]
        output 'y' = %y
        """,
        "BatchNormalization 'n' (text line 8) shifts what it reads, and it pads that with zeros",
    ),
    "weights that are computed": (
        bn(6)
        + """
        input %x: float32[1,3,8,8]
        input %w: float32[6,3,3,3]
        %c = Conv(%x, %w, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)): float32[1,6,6,6]
        %y = BatchNormalization(%c, %s, %b, %m, %v): float32[1,6,6,6]
        output 'y' = %y
        """,
        "the weights of Conv 'c' (text line 8) are not constants",
    ),
    "parameters that are computed": (
        """
        input %x: float32[1,6,8]
        input %s: float32[6]
        const %c: float32[6]
        %y = BatchNormalization(%x, %s, %c, %c, %c): float32[1,6,8]
        output 'y' = %y
        """,
        "its parameters are not constants",
    ),
    "constants that cancel": (
        """
        input %x: float32[4]
        const %c: float32[] = 12345678.0
        const %d: float32[] = -12345678.0
        %a = Add(%x, %c): float32[4]
        %y = Add(%a, %d): float32[4]
        output 'y' = %y
        """,
        "the two constants cancel",
    ),
}


@pytest.mark.parametrize(("before", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_may_not_be_folded_stays_and_says_why(folds, build, before, reason):
    from lissom.passes.explain import explain

    before = before.replace("\n        ", "\n")
    folds(before)
    assert reason in str(explain("fold", build(before)))


def test_factors_along_another_axis_stay(folds):
    folds(
        """
        input %x: float32[1,3,8,8]
        const %w: float32[8,3,3,3]
        const %k: float32[6,1]
        %c = Conv(%x, %w, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)): float32[1,8,6,6]
        %y = Mul(%c, %k): float32[1,8,6,6]
        output 'y' = %y
        """
    )


PADS = {
    "conv": (
        """
        input %x: float32[N,3,8,8]
        const %p: int64[8] = [0, 0, 0, 1, 0, 0, 2, 1]
        const %w: float32[6,3,3,3]
        %a = Pad(%x, %p): float32[N,3,10,10]
        %y = Conv(%a, %w, pads=(1, 0, 1, 0)): float32[N,6,10,8]
        output 'y' = %y
        """,
        "%y = Conv(%x, %w, strides=(1, 1), pads=(1, 1, 3, 1), dilations=(1, 1)): float32[N,6,10,8]\noutput 'y' = %y",
    ),
    "conv, some axes": (
        """
        input %x: float32[N,3,8,8]
        const %p: int64[2] = [1, 2]
        const %i: int64[1] = [-1]
        const %w: float32[6,3,3,3]
        %a = Pad(%x, %p, axes=%i): float32[N,3,8,11]
        %y = Conv(%a, %w): float32[N,6,6,9]
        output 'y' = %y
        """,
        "%y = Conv(%x, %w, strides=(1, 1), pads=(0, 1, 0, 2), dilations=(1, 1)): float32[N,6,6,9]\noutput 'y' = %y",
    ),
    "average pool": (
        """
        input %x: float32[N,3,8,8]
        const %p: int64[8] = [0, 0, 1, 1, 0, 0, 1, 1]
        %a = Pad(%x, %p): float32[N,3,10,10]
        %y = AveragePool(%a, kernel_shape=(2, 2), strides=(2, 2)): float32[N,3,5,5]
        output 'y' = %y
        """,
        "%y = AveragePool(%x, kernel_shape=(2, 2), strides=(2, 2), pads=(1, 1, 1, 1), dilations=(1, 1), "
        "count_include_pad=True): float32[N,3,5,5]\noutput 'y' = %y",
    ),
    "max pool of what is not negative": (
        """
        input %x: float32[N,3,8,8]
        const %p: int64[8] = [0, 0, 1, 1, 0, 0, 1, 1]
        %r = Relu(%x): float32[N,3,8,8]
        %a = Pad(%r, %p): float32[N,3,10,10]
        %y = MaxPool(%a, kernel_shape=(3, 3), strides=(2, 2)): float32[N,3,4,4]
        output 'y' = %y
        """,
        """
        %r = Relu(%x): float32[N,3,8,8]
        %y = MaxPool(%r, kernel_shape=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1), dilations=(1, 1)): float32[N,3,4,4]
        output 'y' = %y
        """,
    ),
}


@pytest.mark.parametrize(("before", "after"), PADS.values(), ids=PADS.keys())
def test_pad_goes_into_the_window_op_behind(folds, before, after):
    folds(before, after)


PADS_THAT_STAY = {
    "of channels": """const %p: int64[6] = [0, 1, 0, 0, 0, 0]
        %a = Pad(%x, %p): float32[1,4,8]
        const %w: float32[6,4,3]
        %y = Conv(%a, %w, strides=(1,), pads=(0, 0), dilations=(1,)): float32[1,6,6]""",
    "of ones": """const %p: int64[6] = [0, 0, 1, 0, 0, 0]
        const %o: float32[] = 1.0
        const %w: float32[6,3,3]
        %a = Pad(%x, %p, %o): float32[1,3,9]
        %y = Conv(%a, %w, strides=(1,), pads=(0, 0), dilations=(1,)): float32[1,6,7]""",
    "that mirrors": """const %p: int64[6] = [0, 0, 1, 0, 0, 0]
        const %w: float32[6,3,3]
        %a = Pad(%x, %p, mode='reflect'): float32[1,3,9]
        %y = Conv(%a, %w, strides=(1,), pads=(0, 0), dilations=(1,)): float32[1,6,7]""",
    "that crops": """const %p: int64[6] = [0, 0, -1, 0, 0, 0]
        const %w: float32[6,3,3]
        %a = Pad(%x, %p): float32[1,3,7]
        %y = Conv(%a, %w, strides=(1,), pads=(0, 0), dilations=(1,)): float32[1,6,5]""",
    "before a mean that does not count its own": """const %p: int64[6] = [0, 0, 1, 0, 0, 1]
        %a = Pad(%x, %p): float32[1,3,10]
        %y = AveragePool(%a, kernel_shape=(3,), strides=(1,), pads=(1, 1), dilations=(1,)): float32[1,3,10]""",
    "zeros before a maximum of any sign": """const %p: int64[6] = [0, 0, 1, 0, 0, 1]
        %a = Pad(%x, %p): float32[1,3,10]
        %y = MaxPool(%a, kernel_shape=(3,), strides=(1,), pads=(0, 0), dilations=(1,)): float32[1,3,8]""",
}


@pytest.mark.parametrize("ops", PADS_THAT_STAY.values(), ids=PADS_THAT_STAY.keys())
def test_pad_stays(folds, ops):
    ops = ops.replace("\n        ", "\n")
    folds(f"input %x: float32[1,3,8]\n{ops}\noutput 'y' = %y")


def test_new_bias_is_a_parameter_named_like_the_weight(build):
    from lissom.passes.fold import fold

    graph = build(
        """
        input %x: float32[N,3,8]
        const %net.conv.weight: float32[20,3,3] trainable
        const %s: float32[20] trainable
        const %z: float32[20]
        %c = Conv(%x, %net.conv.weight): float32[N,20,6]
        %y = BatchNormalization(%c, %s, %z, %z, %s): float32[N,20,6]
        output 'y' = %y
        """
    )
    fold(graph)
    assert [(c.name, c.trainable) for c in graph.consts] == [("net.conv.weight", True), ("net.conv.bias", True)]


def test_weights_that_are_read_twice_stay_one(build):
    """As in Siamese networks, with one batch norm at both places or with two: then there are two weights afterwards."""
    from lissom.passes.fold import fold

    def folded(scale: str) -> list[str]:
        graph = build(
            f"""
            input %x: float32[N,3,8]
            input %z: float32[N,3,8]
            const %w: float32[4,3,3] trainable
            const %s: float32[4] trainable
            const %t: float32[4] trainable
            const %v: float32[4]
            %a = Conv(%x, %w): float32[N,4,6]
            %b = Conv(%z, %w): float32[N,4,6]
            %p = BatchNormalization(%a, %s, %t, %v, %v): float32[N,4,6]
            %q = BatchNormalization(%b, {scale}, %t, %v, %v): float32[N,4,6]
            %y = Sub(%p, %q): float32[N,4,6]
            output 'y' = %y
            """
        )
        fold(graph)
        return [c.name for c in graph.consts]

    assert folded("%s") == ["w", "w.bias"]
    assert folded("%t") == ["w", "w.bias", "w", "w.bias"]


BRANCHES = """
        input %x: float32[N,3,8,8]
        const %w: float32[6,3,1,1]
        const %v: float32[2,3,3,3]
        const %six: float32[] = 6.0
        %a = Conv(%x, %w): float32[N,6,8,8]
        %b = Conv(%x, %v, pads=(1, 1, 1, 1)): float32[N,2,8,8]
        %c = Concat((%a, %b), axis=1): float32[N,8,8,8]
        """


@pytest.mark.parametrize("cut", ["Relu", "Clip"])
def test_what_cuts_a_concat_off_belongs_before_it(folds, cut):
    bound = ", max=%six" if cut == "Clip" else ""
    folds(
        f"{BRANCHES}%y = {cut}(%c{bound}): float32[N,8,8,8]\noutput 'y' = %y",
        f"""
        %a = Conv(%x, %w, {CONV}): float32[N,6,8,8]
        %b = Conv(%x, %v, {CONV.replace("0, 0, 0, 0", "1, 1, 1, 1")}): float32[N,2,8,8]
        %y = {cut}(%b{bound}): float32[N,2,8,8]
        %y_1 = {cut}(%a{bound}): float32[N,6,8,8]
        %c = Concat((%y_1, %y), axis=1): float32[N,8,8,8]
        output 'y' = %c
        """,
    )


@pytest.mark.parametrize("also", ["%a", "%c"])
def test_what_others_read_before_it_is_cut_off_stays(build, also):
    graph = build(f"{BRANCHES}%y = Relu(%c): float32[N,8,8,8]\noutput 'y' = %y\noutput 'z' = {also}")
    fold(graph)
    assert sum(op.op_type == "Relu" for op in graph.ops) == 1
