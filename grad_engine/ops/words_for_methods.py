"""Methods of PyTorch's tensors that are not here: asked for, each says what to write."""

from __future__ import annotations

from grad_engine.core.tensor import Tensor
from grad_engine.core.torch_words import Missing

_NAMES = """
    addbmm_ adjoint angle apply_ as_strided as_strided_ as_strided_scatter as_subclass bernoulli bfloat16 bincount
    bitwise_and_ bitwise_left_shift bitwise_left_shift_ bitwise_not_ bitwise_or_ bitwise_right_shift
    bitwise_right_shift_ bitwise_xor_ ccol_indices cdouble cfloat chalf cholesky_inverse cholesky_solve col_indices
    conj_physical conj_physical_ const_data_ptr crow_indices dense_dim dequantize diagonal_scatter dim_order eq_ frexp
    gcd_ ge_ geqrf ger grad_dtype greater_ greater_equal_ gt_ hash_tensor heaviside_ histogram i0_ igamma igamma_
    igammac igammac_ index index_put int_repr ipu is_coalesced is_conj is_cpu is_distributed is_inference is_ipu is_maia
    is_meta is_mkldnn is_mps is_mtia is_neg is_nested is_pinned is_quantized is_same_size is_set_to is_shared
    is_sparse_csr is_vulkan is_xla is_xpu istft layout lcm_ ldexp ldexp_ le_ less_ less_equal_ logical_and_
    logical_not_ logical_or_ logical_xor_ lstsq lt_ lu_solve map2_ map_ module_load mtia multinomial ne_ new
    new_empty_strided nextafter nextafter_ nonzero_static not_equal_ orgqr ormqr output_nr pin_memory put put_
    q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme record_stream
    reinforce renorm_ resize resize_as resize_as_ resize_as_sparse_ resolve_conj resolve_neg retains_grad row_indices
    set_ sgn_ share_memory_ slice_inverse smm sparse_dim sparse_mask sparse_resize_ sparse_resize_and_clear_
    split_with_sizes sspaddmm stft storage storage_offset storage_type sum_to_size swapdims_ symeig to_mkldnn
    to_padded_tensor to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr triangular_solve
    unsafe_chunk unsafe_split unsafe_split_with_sizes untyped_storage xpu
"""
for _name in _NAMES.split():
    if not hasattr(Tensor, _name):
        setattr(Tensor, _name, Missing("a tensor", _name))
