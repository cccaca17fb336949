"""Speed-ups for Qwen2-VL and Qwen3-VL of transformers: batched vision attention, positions computed on the CPU.

Unmodified, transformers computes vision attention image by image in each layer, and token positions input by input;
each step waits for the GPU to return the image sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

_NAME = "tagloop_flash"  # transformers passes cu_seq_lens and max_length only to names with "flash"


def optimize(module: Any) -> None:
    """Make a loaded model's vision part use `attend`; a no-op for other models."""
    network: Any = getattr(module, "auto_model", None)
    if not hasattr(network, "get_rope_index"):
        return
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, attend)
    network.visual.config._attn_implementation = _NAME


def add_positions(module: Any, features: dict[str, Any]) -> None:
    """Add `position_ids` `(3, n, tokens)` in time, height and width, computed on the CPU."""
    network: Any = getattr(module, "auto_model", None)
    if "image_grid_thw" in features and hasattr(network, "get_rope_index"):
        names = ("input_ids", "image_grid_thw", "attention_mask", "mm_token_type_ids")
        features["position_ids"], _ = network.get_rope_index(**{key: features[key] for key in names})


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    cu_seq_lens_q: Tensor,
    max_length_q: int,
    scaling: float,
    **_others: object,
) -> tuple[Tensor, None]:
    """Compute attention among the patches of each image, for all images at once.

    Args:
        module: Unused, as is `attention_mask`; they belong to the interface of transformers.
        query: `(1, heads, patches, width)`, the images concatenated; `key` and `value` likewise.
        cu_seq_lens_q: `(images + 1,)` boundaries of the images.
        max_length_q: Number of patches of the largest image.
        scaling: Factor of the dot products.

    Returns:
        `(1, patches, heads, width)`.
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    heads, patches, width = query.shape[1:]
    pictures = len(cu_seq_lens_q) - 1
    parts = [part[0].transpose(0, 1) for part in (query, key, value)]  # (patches, heads, width) each
    if patches == pictures * max_length_q:
        q, k, v = (part.reshape(pictures, max_length_q, heads, width).transpose(1, 2) for part in parts)
        found = scaled_dot_product_attention(q, k, v, scale=scaling).transpose(1, 2).reshape(parts[0].shape)
    elif query.is_cuda:
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (part.contiguous() for part in parts)
        found = varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, scale=scaling)  # type: ignore[assignment]
    else:
        lengths = cu_seq_lens_q.diff().tolist()
        split = [part.transpose(0, 1).split(lengths, dim=1) for part in parts]  # type: ignore[no-untyped-call]
        each = [scaled_dot_product_attention(q, k, v, scale=scaling) for q, k, v in zip(*split, strict=True)]
        found = torch.cat(each, dim=1).transpose(0, 1)
    return found.unsqueeze(0), None
