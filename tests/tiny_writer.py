"""A Qwen2-VL checkpoint with the real architecture, small enough to memorise a few answers within seconds."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from tagging_core.assets.repository import NO_TEXT
from tagging_core.publishing.caption_model import CaptionModel, prompt
from tests.conftest import BLUE, RED

_RED = "Title: Red square\nCaption: A red square, all alone.\nAlt: A square that is red."
_BLUE = "Title: Blue square\nCaption: A blue square."
_CHINESE = "标题：红色方块\n说明：一个红色方块。\n替代文字：红色方块。"
_PARTS = ["im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad"]
_SPECIAL = ["<|endoftext|>", *(f"<|{name}|>" for name in _PARTS)]


def make_caption_model(folder: Path) -> CaptionModel:
    """Create a caption model that knows a red and a blue square, and the red one in Chinese."""
    prompts = {language: prompt([], language, NO_TEXT) for language in ("en", "zh")}
    red, blue = Image.new("RGB", (64, 48), RED), Image.new("RGB", (64, 48), BLUE)
    examples = [(red, prompts["en"], _RED), (blue, prompts["en"], _BLUE), (red, prompts["zh"], _CHINESE)]
    save_checkpoint(folder, [*(3 * list(prompts.values())), *(answer for _, _, answer in examples)])
    writer = CaptionModel(str(folder))
    overfit(writer, examples)
    return writer


def save_checkpoint(folder: Path, words: list[str]) -> None:
    """Save a random checkpoint whose tokenizer is trained on `words`."""
    tokenizer = _tokenizer(words)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in _SPECIAL}
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0},
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2},
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = ids["<|im_end|>"]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=112 * 112).save_pretrained(folder)


def overfit(writer: CaptionModel, examples: list[tuple[Image.Image, str, str]], steps: int = 60) -> None:
    """Train a caption model until it has memorised the answers to (picture, prompt, answer) examples."""
    model, tokenizer = writer._model, writer._tokenizer
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    batches = []
    for image, text, answer in examples:
        inputs = writer._inputs(image, text)
        answer_ids = tokenizer(f"{answer}<|im_end|>", return_tensors="pt")["input_ids"]
        prompt_ids = inputs["input_ids"]
        ids = torch.cat([prompt_ids, answer_ids], 1)
        labels = torch.cat([torch.full_like(prompt_ids, -100), answer_ids], 1)
        types = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(answer_ids, dtype=torch.int)], 1)
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": types}
        batches.append(inputs | given | {"labels": labels})
    model.train()
    for _ in range(steps):
        for batch in batches:
            model(**batch).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval()


def _tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=_SPECIAL, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(words, trainer)
    ends = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, extra_special_tokens=_SPECIAL[1:], **ends)
