"""Random checkpoints with the real architectures and freshly trained tokenizers, a few hundred kB each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
)

WORDS = ["a photo of a red dress", "Find an image that matches the given text.", "Represent the user's input."]
_PARTS = ["im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad"]
_CHAT = ["<|endoftext|>", *(f"<|{name}|>" for name in _PARTS)]
_QWEN3_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def qwen2_vl(folder: Path, hidden: int = 64) -> None:
    """Like GME on the hub: a plain Qwen2-VL checkpoint."""
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": hidden, "num_heads": 2, "mlp_ratio": 2}
    _save_qwen2_vl(folder, vision, {}, hidden, [2, 3, 3], torch.float32)


def qwen2_vl_2b(folder: Path) -> None:
    """The shape of GME 2B, for speed measurements, where the weights do not matter; 4.4 GB in bf16.

    Values are from https://huggingface.co/Qwen/Qwen2-VL-2B-Instruct/blob/main/config.json.
    """
    vision = {"depth": 32, "embed_dim": 1280, "hidden_size": 1536, "num_heads": 16, "mlp_ratio": 4}
    text = {"intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12}
    text |= {"vocab_size": 151_936, "max_position_embeddings": 32_768}
    _save_qwen2_vl(folder, vision, text, 1536, [16, 24, 24], torch.bfloat16)


def _save_qwen2_vl(
    folder: Path, vision: dict, text: dict, hidden: int, sections: list[int], dtype: torch.dtype
) -> None:
    tokenizer = _tokenizer(_CHAT, "<|im_end|>", "<|endoftext|>")
    torch.manual_seed(0)
    language = _text(tokenizer, hidden, {"mrope_section": sections}) | text
    config = Qwen2VLConfig(text_config=language, vision_config=vision, **_ids(tokenizer))
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        Qwen2VLForConditionalGeneration(config).to(dtype).save_pretrained(folder)
    images = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 1280)
    Qwen2VLProcessor(images, tokenizer, Qwen2VLVideoProcessor(), chat_template=_QWEN3_TEMPLATE).save_pretrained(
        folder
    )


def qwen3_vl(folder: Path, hidden: int = 64) -> None:
    """Like Qwen3-VL-Embedding: last-token pooling and normalisation from its own configuration."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    tokenizer = _tokenizer(_CHAT, "<|im_end|>", "<|endoftext|>")
    torch.manual_seed(0)
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": hidden}
    vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    text = _text(tokenizer, hidden, {"mrope_section": [2, 3, 3], "mrope_interleaved": True}) | {"head_dim": 16}
    config = Qwen3VLConfig(text_config=text, vision_config=vision, **_ids(tokenizer))
    plain = folder / "plain"
    Qwen3VLForConditionalGeneration(config).save_pretrained(plain)
    size = {"shortest_edge": 4 * 32 * 32, "longest_edge": 256 * 32 * 32}
    images = Qwen2VLImageProcessor(patch_size=16, size=size)
    processor = Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor(), chat_template=_QWEN3_TEMPLATE)
    processor.save_pretrained(plain)
    transformer = Transformer(str(plain))
    modules = [transformer, Pooling(hidden, pooling_mode="lasttoken"), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    for path in sorted(plain.rglob("*")):
        path.unlink()
    plain.rmdir()


def clip(folder: Path, hidden: int = 32) -> None:
    """CLIP with a projection into `hidden` dimensions."""
    tokenizer = _tokenizer(["<|startoftext|>", "<|endoftext|>"], "<|endoftext|>", "<|endoftext|>", ends=True)
    torch.manual_seed(0)
    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": 0, "pad_token_id": tokenizer.pad_token_id}
    config = CLIPConfig(
        text_config=layers | ends | {"vocab_size": len(tokenizer), "max_position_embeddings": 77},
        vision_config=layers | {"image_size": 224, "patch_size": 32},
        projection_dim=hidden,
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPProcessor(CLIPImageProcessor(), tokenizer).save_pretrained(folder)


def siglip2(folder: Path) -> None:
    """SigLIP 2 like its fixed-resolution checkpoints on the hub, which use SigLIP's classes."""
    tokenizer = _tokenizer(["<pad>", "<eos>", "<bos>", "<unk>"], "<eos>", "<pad>", ends=True)
    torch.manual_seed(0)
    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = SiglipConfig(
        text_config=layers | {"vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 32},
        vision_config=layers | {"image_size": 224, "patch_size": 16},
    )
    SiglipModel(config).save_pretrained(folder)
    images = SiglipImageProcessor(size={"height": 224, "width": 224})
    SiglipProcessor(images, tokenizer).save_pretrained(folder)


MAKERS: dict[str, Callable[[Path], None]] = {
    "gme-qwen2-vl-2b": qwen2_vl,
    "qwen3-vl-embedding-2b": qwen3_vl,
    "clip": clip,
    "siglip2-base": siglip2,
}
DIMENSIONS = {"gme-qwen2-vl-2b": 64, "qwen3-vl-embedding-2b": 64, "clip": 32, "siglip2-base": 32}


def _text(tokenizer: PreTrainedTokenizerFast, hidden: int, rope: dict) -> dict:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, **rope},
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    names = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    return {f"{key}_token_id": int(tokenizer.convert_tokens_to_ids(f"<|{name}|>")) for key, name in names.items()}


def _tokenizer(special: list[str], end: str, pad: str, ends: bool = False) -> PreTrainedTokenizerFast:
    """`ends`: whether the end token is appended to every text; CLIP pools there."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(3 * WORDS, trainer)
    if ends:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"$A {end}", special_tokens=[(end, tokenizer.token_to_id(end))]
        )
    parts = {name: f"<|{name}|>" for name in ("image", "video")} if "<|image_pad|>" in special else {}
    extra = {f"{name}_token": f"<|{name}_pad|>" for name in parts}
    limits = {"model_max_length": 64 if pad == "<pad>" else 77} if ends else {}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, pad_token=pad, **extra, **limits)
