"""One file an op. Importing this package loads them all, which fills :data:`lissom.ir.op.OPS`.

Every op can be imported from here: ``from lissom.ir.ops import Conv``.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from lissom.ir.op import OPS

if TYPE_CHECKING:  # for readers and type checkers; at run time the folder is the list
    from lissom.ir.ops.abs import Abs as Abs
    from lissom.ir.ops.acos import Acos as Acos
    from lissom.ir.ops.acosh import Acosh as Acosh
    from lissom.ir.ops.add import Add as Add
    from lissom.ir.ops.affine_grid import AffineGrid as AffineGrid
    from lissom.ir.ops.and_ import And as And
    from lissom.ir.ops.arg_max import ArgMax as ArgMax
    from lissom.ir.ops.arg_min import ArgMin as ArgMin
    from lissom.ir.ops.asin import Asin as Asin
    from lissom.ir.ops.asinh import Asinh as Asinh
    from lissom.ir.ops.atan import Atan as Atan
    from lissom.ir.ops.atanh import Atanh as Atanh
    from lissom.ir.ops.attention import Attention as Attention
    from lissom.ir.ops.average_pool import AveragePool as AveragePool
    from lissom.ir.ops.batch_normalization import BatchNormalization as BatchNormalization
    from lissom.ir.ops.bit_cast import BitCast as BitCast
    from lissom.ir.ops.bit_shift import BitShift as BitShift
    from lissom.ir.ops.bitwise_and import BitwiseAnd as BitwiseAnd
    from lissom.ir.ops.bitwise_not import BitwiseNot as BitwiseNot
    from lissom.ir.ops.bitwise_or import BitwiseOr as BitwiseOr
    from lissom.ir.ops.bitwise_xor import BitwiseXor as BitwiseXor
    from lissom.ir.ops.blackman_window import BlackmanWindow as BlackmanWindow
    from lissom.ir.ops.cast import Cast as Cast
    from lissom.ir.ops.cast_like import CastLike as CastLike
    from lissom.ir.ops.ceil import Ceil as Ceil
    from lissom.ir.ops.celu import Celu as Celu
    from lissom.ir.ops.center_crop_pad import CenterCropPad as CenterCropPad
    from lissom.ir.ops.clip import Clip as Clip
    from lissom.ir.ops.col2_im import Col2Im as Col2Im
    from lissom.ir.ops.compress import Compress as Compress
    from lissom.ir.ops.concat import Concat as Concat
    from lissom.ir.ops.constant_of_shape import ConstantOfShape as ConstantOfShape
    from lissom.ir.ops.conv import Conv as Conv
    from lissom.ir.ops.conv_integer import ConvInteger as ConvInteger
    from lissom.ir.ops.conv_transpose import ConvTranspose as ConvTranspose
    from lissom.ir.ops.cos import Cos as Cos
    from lissom.ir.ops.cosh import Cosh as Cosh
    from lissom.ir.ops.cum_prod import CumProd as CumProd
    from lissom.ir.ops.cum_sum import CumSum as CumSum
    from lissom.ir.ops.deform_conv import DeformConv as DeformConv
    from lissom.ir.ops.depth_to_space import DepthToSpace as DepthToSpace
    from lissom.ir.ops.dequantize_linear import DequantizeLinear as DequantizeLinear
    from lissom.ir.ops.det import Det as Det
    from lissom.ir.ops.dft import DFT as DFT
    from lissom.ir.ops.div import Div as Div
    from lissom.ir.ops.dropout import Dropout as Dropout
    from lissom.ir.ops.dynamic_quantize_linear import DynamicQuantizeLinear as DynamicQuantizeLinear
    from lissom.ir.ops.einsum import Einsum as Einsum
    from lissom.ir.ops.elu import Elu as Elu
    from lissom.ir.ops.equal import Equal as Equal
    from lissom.ir.ops.erf import Erf as Erf
    from lissom.ir.ops.exp import Exp as Exp
    from lissom.ir.ops.expand import Expand as Expand
    from lissom.ir.ops.eye_like import EyeLike as EyeLike
    from lissom.ir.ops.fake_quant import FakeQuant as FakeQuant
    from lissom.ir.ops.flatten import Flatten as Flatten
    from lissom.ir.ops.floor import Floor as Floor
    from lissom.ir.ops.gather import Gather as Gather
    from lissom.ir.ops.gather_elements import GatherElements as GatherElements
    from lissom.ir.ops.gather_nd import GatherND as GatherND
    from lissom.ir.ops.gelu import Gelu as Gelu
    from lissom.ir.ops.gemm import Gemm as Gemm
    from lissom.ir.ops.global_average_pool import GlobalAveragePool as GlobalAveragePool
    from lissom.ir.ops.global_lp_pool import GlobalLpPool as GlobalLpPool
    from lissom.ir.ops.global_max_pool import GlobalMaxPool as GlobalMaxPool
    from lissom.ir.ops.greater import Greater as Greater
    from lissom.ir.ops.greater_or_equal import GreaterOrEqual as GreaterOrEqual
    from lissom.ir.ops.grid_sample import GridSample as GridSample
    from lissom.ir.ops.group_normalization import GroupNormalization as GroupNormalization
    from lissom.ir.ops.hamming_window import HammingWindow as HammingWindow
    from lissom.ir.ops.hann_window import HannWindow as HannWindow
    from lissom.ir.ops.hard_sigmoid import HardSigmoid as HardSigmoid
    from lissom.ir.ops.hard_swish import HardSwish as HardSwish
    from lissom.ir.ops.hardmax import Hardmax as Hardmax
    from lissom.ir.ops.identity import Identity as Identity
    from lissom.ir.ops.instance_normalization import InstanceNormalization as InstanceNormalization
    from lissom.ir.ops.is_inf import IsInf as IsInf
    from lissom.ir.ops.is_nan import IsNaN as IsNaN
    from lissom.ir.ops.layer_normalization import LayerNormalization as LayerNormalization
    from lissom.ir.ops.leaky_relu import LeakyRelu as LeakyRelu
    from lissom.ir.ops.less import Less as Less
    from lissom.ir.ops.less_or_equal import LessOrEqual as LessOrEqual
    from lissom.ir.ops.log import Log as Log
    from lissom.ir.ops.log_softmax import LogSoftmax as LogSoftmax
    from lissom.ir.ops.lookup import Lookup as Lookup
    from lissom.ir.ops.lp_normalization import LpNormalization as LpNormalization
    from lissom.ir.ops.lp_pool import LpPool as LpPool
    from lissom.ir.ops.lrn import LRN as LRN
    from lissom.ir.ops.mask import Mask as Mask
    from lissom.ir.ops.mat_mul import MatMul as MatMul
    from lissom.ir.ops.mat_mul_integer import MatMulInteger as MatMulInteger
    from lissom.ir.ops.max import Max as Max
    from lissom.ir.ops.max_pool import MaxPool as MaxPool
    from lissom.ir.ops.max_unpool import MaxUnpool as MaxUnpool
    from lissom.ir.ops.mean import Mean as Mean
    from lissom.ir.ops.mean_variance_normalization import MeanVarianceNormalization as MeanVarianceNormalization
    from lissom.ir.ops.mel_weight_matrix import MelWeightMatrix as MelWeightMatrix
    from lissom.ir.ops.min import Min as Min
    from lissom.ir.ops.mish import Mish as Mish
    from lissom.ir.ops.mod import Mod as Mod
    from lissom.ir.ops.mul import Mul as Mul
    from lissom.ir.ops.neg import Neg as Neg
    from lissom.ir.ops.negative_log_likelihood_loss import NegativeLogLikelihoodLoss as NegativeLogLikelihoodLoss
    from lissom.ir.ops.non_max_suppression import NonMaxSuppression as NonMaxSuppression
    from lissom.ir.ops.non_zero import NonZero as NonZero
    from lissom.ir.ops.not_ import Not as Not
    from lissom.ir.ops.one_hot import OneHot as OneHot
    from lissom.ir.ops.opaque import Opaque as Opaque
    from lissom.ir.ops.or_ import Or as Or
    from lissom.ir.ops.pad import Pad as Pad
    from lissom.ir.ops.pow import Pow as Pow
    from lissom.ir.ops.prelu import PRelu as PRelu
    from lissom.ir.ops.qlinear_add import QLinearAdd as QLinearAdd
    from lissom.ir.ops.qlinear_average_pool import QLinearAveragePool as QLinearAveragePool
    from lissom.ir.ops.qlinear_conv import QLinearConv as QLinearConv
    from lissom.ir.ops.qlinear_gemm import QLinearGemm as QLinearGemm
    from lissom.ir.ops.qlinear_global_average_pool import QLinearGlobalAveragePool as QLinearGlobalAveragePool
    from lissom.ir.ops.qlinear_mat_mul import QLinearMatMul as QLinearMatMul
    from lissom.ir.ops.qlinear_mul import QLinearMul as QLinearMul
    from lissom.ir.ops.quantize_linear import QuantizeLinear as QuantizeLinear
    from lissom.ir.ops.range import Range as Range
    from lissom.ir.ops.reciprocal import Reciprocal as Reciprocal
    from lissom.ir.ops.reduce_l1 import ReduceL1 as ReduceL1
    from lissom.ir.ops.reduce_l2 import ReduceL2 as ReduceL2
    from lissom.ir.ops.reduce_log_sum import ReduceLogSum as ReduceLogSum
    from lissom.ir.ops.reduce_log_sum_exp import ReduceLogSumExp as ReduceLogSumExp
    from lissom.ir.ops.reduce_max import ReduceMax as ReduceMax
    from lissom.ir.ops.reduce_mean import ReduceMean as ReduceMean
    from lissom.ir.ops.reduce_min import ReduceMin as ReduceMin
    from lissom.ir.ops.reduce_prod import ReduceProd as ReduceProd
    from lissom.ir.ops.reduce_sum import ReduceSum as ReduceSum
    from lissom.ir.ops.reduce_sum_square import ReduceSumSquare as ReduceSumSquare
    from lissom.ir.ops.relu import Relu as Relu
    from lissom.ir.ops.reshape import Reshape as Reshape
    from lissom.ir.ops.resize import Resize as Resize
    from lissom.ir.ops.reverse_sequence import ReverseSequence as ReverseSequence
    from lissom.ir.ops.rms_normalization import RMSNormalization as RMSNormalization
    from lissom.ir.ops.roi_align import RoiAlign as RoiAlign
    from lissom.ir.ops.rotary_embedding import RotaryEmbedding as RotaryEmbedding
    from lissom.ir.ops.round import Round as Round
    from lissom.ir.ops.scatter_elements import ScatterElements as ScatterElements
    from lissom.ir.ops.scatter_nd import ScatterND as ScatterND
    from lissom.ir.ops.selu import Selu as Selu
    from lissom.ir.ops.shape import Shape as Shape
    from lissom.ir.ops.shrink import Shrink as Shrink
    from lissom.ir.ops.sigmoid import Sigmoid as Sigmoid
    from lissom.ir.ops.sign import Sign as Sign
    from lissom.ir.ops.sin import Sin as Sin
    from lissom.ir.ops.sinh import Sinh as Sinh
    from lissom.ir.ops.size import Size as Size
    from lissom.ir.ops.slice import Slice as Slice
    from lissom.ir.ops.softmax import Softmax as Softmax
    from lissom.ir.ops.softmax_cross_entropy_loss import SoftmaxCrossEntropyLoss as SoftmaxCrossEntropyLoss
    from lissom.ir.ops.softplus import Softplus as Softplus
    from lissom.ir.ops.softsign import Softsign as Softsign
    from lissom.ir.ops.space_to_depth import SpaceToDepth as SpaceToDepth
    from lissom.ir.ops.split import Split as Split
    from lissom.ir.ops.sqrt import Sqrt as Sqrt
    from lissom.ir.ops.squeeze import Squeeze as Squeeze
    from lissom.ir.ops.stft import STFT as STFT
    from lissom.ir.ops.sub import Sub as Sub
    from lissom.ir.ops.sum import Sum as Sum
    from lissom.ir.ops.swi_glu import SwiGLU as SwiGLU
    from lissom.ir.ops.swish import Swish as Swish
    from lissom.ir.ops.tan import Tan as Tan
    from lissom.ir.ops.tanh import Tanh as Tanh
    from lissom.ir.ops.tensor_scatter import TensorScatter as TensorScatter
    from lissom.ir.ops.thresholded_relu import ThresholdedRelu as ThresholdedRelu
    from lissom.ir.ops.tile import Tile as Tile
    from lissom.ir.ops.top_k import TopK as TopK
    from lissom.ir.ops.transpose import Transpose as Transpose
    from lissom.ir.ops.trilu import Trilu as Trilu
    from lissom.ir.ops.unique import Unique as Unique
    from lissom.ir.ops.unsqueeze import Unsqueeze as Unsqueeze
    from lissom.ir.ops.where import Where as Where
    from lissom.ir.ops.xor import Xor as Xor

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

globals().update(OPS)
